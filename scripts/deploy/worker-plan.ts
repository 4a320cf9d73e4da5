/** Plans what is deployed: the Worker's configuration for wrangler, its settings and its secrets. Pure. */
import { createHash, createHmac, createPrivateKey } from "node:crypto";
import { getConfig, settings as workerSettings } from "@samovar/api/config";
import type { WranglerConfig } from "@samovar/api/wrangler-config";
import type { AgentRelease } from "@samovar/contracts";
import { DeployError } from "./deploy-error.ts";
import type { StackOutputs } from "./infrastructure.ts";

export interface WorkerPlanInput {
  readonly config: WranglerConfig;
  /** Absolute paths of the built Worker and web app. */
  readonly main: string;
  readonly assets: string;
  readonly release: AgentRelease;
  readonly outputs: StackOutputs;
  readonly publicUrl: string;
  /** Null: the Worker answers below workers.dev. */
  readonly domain: { readonly name: string; readonly zone: string } | null;
  /** The Worker's settings from the environment. */
  readonly given: Readonly<Record<string, string>>;
}

export interface WorkerPlan {
  readonly name: string;
  readonly workflow: string;
  readonly cron: string;
  /** The content of wrangler's configuration file. */
  readonly wrangler: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, string>>;
}

/** Throws {@link DeployError} that names every setting that the Worker would refuse. */
export function planWorker(input: WorkerPlanInput): WorkerPlan {
  const { config, outputs, publicUrl, domain, given } = input;
  const values: Record<string, string> = {
    PUBLIC_URL: publicUrl,
    ...given,
    INSTALLATION_ID: outputs.installationId,
    OPERATOR_SECRET: outputs.operatorSecret,
    CREDENTIALS_KEY: outputs.credentialsKey,
    SIGNING_KEY: JSON.stringify(toSigningKey(outputs.signingSeed)),
    AGENT_RELEASE: JSON.stringify(input.release),
  };
  const { SWEEP_CRON: cron, FORMER_PUBLIC_URLS: former } = parseWorkerSettings(values);
  const [database] = config.d1_databases;
  const secretNames = listSecrets();
  const { $schema: _schema, ...rest } = config;
  return {
    name: config.name,
    workflow: config.workflows.map(({ name }) => name).join(),
    cron,
    wrangler: {
      ...rest,
      main: input.main,
      assets: { ...config.assets, directory: input.assets },
      d1_databases: [{ ...database, database_id: outputs.databaseId }],
      vars: pick(values, (name) => !secretNames.has(name)),
      secrets: { required: Object.keys(values).filter((name) => secretNames.has(name)) },
      triggers: { crons: [cron] },
      // Nodes that were created below workers.dev still connect there.
      workers_dev: domain === null || former.some((url) => new URL(url).hostname.endsWith(".workers.dev")),
      ...(domain === null ? {} : { routes: [{ pattern: `${domain.name}/*`, zone_name: domain.zone }] }),
    },
    secrets: pick(values, (name) => secretNames.has(name)),
  };
}

function parseWorkerSettings(values: Readonly<Record<string, string>>) {
  try {
    return getConfig(values);
  } catch (error) {
    throw new DeployError(
      error instanceof Error ? error.message : String(error),
      "Correct them in the environment or in deploy.env; docs/reference/configuration.md describes each one.",
    );
  }
}

/** The settings whose description in the Worker's schema says that they are secret. */
function listSecrets(): ReadonlySet<string> {
  const fields = Object.entries(workerSettings.shape);
  return new Set(fields.filter(([, field]) => field.description?.startsWith("Secret.")).map(([name]) => name));
}

function pick(values: Readonly<Record<string, string>>, isWanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([name]) => isWanted(name)));
}

/** What precedes the 32 bytes of an Ed25519 private key in PKCS #8 (RFC 8410, section 7). */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/** The private JWK of a seed of 32 bytes in base64. Its id is derived from the public key. */
export function toSigningKey(seed: string) {
  const der = Buffer.concat([PKCS8_PREFIX, Buffer.from(seed, "base64")]);
  const { x = "", d = "" } = createPrivateKey({ key: der, format: "der", type: "pkcs8" }).export({ format: "jwk" });
  const kid = createHash("sha256").update(x).digest("hex").slice(0, 12);
  return { kid, kty: "OKP", crv: "Ed25519", x, d };
}

/** Longest that fits a version's tag on Cloudflare, and unique enough. */
const TAG_LENGTH = 24;

/**
 * A tag that changes with anything that is deployed: the version that carries it needs no other deployment. `files` are the
 * digests by path. Keyed, so that the tag reveals nothing about the secrets.
 */
export function computeTag(plan: WorkerPlan, files: Readonly<Record<string, string>>): string {
  const { main: _main, assets, ...wrangler } = plan.wrangler;
  const content = { wrangler, assets: { ...Object(assets), directory: null }, secrets: plan.secrets, files };
  const key = plan.secrets["OPERATOR_SECRET"] ?? "";
  return createHmac("sha256", key).update(JSON.stringify(content)).digest("hex").slice(0, TAG_LENGTH);
}
