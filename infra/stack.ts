/**
 * What must outlive the Worker: its database, its generated secrets and, with a domain, the DNS record. Wrangler owns the rest
 * (apps/api/wrangler.jsonc).
 */
import { D1Database, DnsRecord } from "@pulumi/cloudflare";
import { type Output, secret } from "@pulumi/pulumi";
import { RandomBytes, RandomId } from "@pulumi/random";

export interface StackConfig {
  readonly accountId: string;
  readonly databaseName: string;
  /** Where D1 is asked to keep the database. */
  readonly databaseLocation: string;
  /** The domain's name and its zone's id; null without a domain. */
  readonly domain: { readonly name: string; readonly zoneId: string } | null;
  /** False only before everything is removed. Data and secrets are otherwise protected from removal. */
  readonly keepData: boolean;
}

/** The stack's outputs; scripts/deploy/infrastructure.ts parses them. */
export interface StackOutputs {
  readonly installationId: Output<string>;
  readonly databaseId: Output<string>;
  readonly operatorSecret: Output<string>;
  /** 32 bytes in base64. */
  readonly credentialsKey: Output<string>;
  /** 32 bytes in base64: the private half of an Ed25519 key. */
  readonly signingSeed: Output<string>;
}

export function createStack({
  accountId,
  databaseName,
  databaseLocation,
  domain,
  keepData,
}: StackConfig): StackOutputs {
  const kept = { protect: keepData };
  const installation = new RandomId("installation", { byteLength: 6, prefix: "samovar-" }, kept);
  const operatorSecret = new RandomBytes("operator-secret", { length: 32 }, kept);
  const credentialsKey = new RandomBytes("credentials-key", { length: 32 }, kept);
  const signingSeed = new RandomBytes("signing-seed", { length: 32 }, kept);
  const database = new D1Database(
    "database",
    { accountId, name: databaseName, primaryLocationHint: databaseLocation },
    // A changed hint would replace the database, and Cloudflare reports its own default of the replication.
    { ...kept, retainOnDelete: keepData, ignoreChanges: ["primaryLocationHint", "readReplication"] },
  );
  if (domain !== null) {
    // oxlint-disable-next-line no-new -- a resource registers itself
    new DnsRecord("address", {
      zoneId: domain.zoneId,
      name: domain.name,
      type: "AAAA",
      // The discard prefix: the Worker's route answers, so there is no server behind the proxy.
      content: "100::",
      proxied: true,
      // Automatic, the only value that a proxied record may have.
      ttl: 1,
    });
  }
  return {
    installationId: installation.hex,
    databaseId: database.id,
    operatorSecret: secret(operatorSecret.hex),
    credentialsKey: secret(credentialsKey.base64),
    signingSeed: secret(signingSeed.base64),
  };
}
