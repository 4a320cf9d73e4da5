/**
 * Delivers messages through the workspaces' route for a session without a node, with a token signed like the control
 * plane's. These messages are stored, counted and published to viewers like any others.
 */
import { createPrivateKey, sign } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { idSource, type ProjectId, type SessionId, systemClock, systemRandom } from "@samovar/base";
import { deliveryReply, LIMITS, WORKSPACE_TOKEN, type DeliveredMessage } from "@samovar/contracts";
import * as z from "zod";
import type { Installation } from "./installation.ts";

export interface WorkspaceDelivery {
  /** Delivers in as many batches as needed. Throws when a message is not stored. */
  deliver(messages: readonly DeliveredMessage[]): Promise<void>;
}

const TOKEN_TTL_S = 3600;

const secrets = z.object({
  installationId: z.string(),
  signingKey: z.object({ kid: z.string(), kty: z.string(), crv: z.string(), x: z.string(), d: z.string() }),
});

export async function openWorkspaceDelivery(
  here: Pick<Installation, "dataDir" | "url">,
  project: ProjectId,
  session: SessionId,
): Promise<WorkspaceDelivery> {
  const ids = idSource(systemClock, systemRandom);
  const workspace = ids.make("wsp");
  const claims = { workspace, project, session, node: ids.make("nod"), epoch: 0 };
  const token = await mint(here, claims);
  return {
    async deliver(messages) {
      for (let at = 0; at < messages.length; at += LIMITS.deliveryMaxMessages) {
        const rows = messages.slice(at, at + LIMITS.deliveryMaxMessages);
        const response = await fetch(`${here.url}/api/workspaces/${workspace}/messages`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify({ messages: rows }),
        });
        if (!response.ok) throw new Error(`a delivery was answered ${response.status}: ${await response.text()}`);
        const { results } = deliveryReply.parse(await response.json());
        const bad = results.find(({ outcome }) => outcome !== "stored");
        if (bad !== undefined) throw new Error(`a message was ${bad.outcome}: ${bad.reason ?? ""}`);
      }
    },
  };
}

async function mint(here: Pick<Installation, "dataDir">, claims: object): Promise<string> {
  const { installationId, signingKey } = secrets.parse(
    JSON.parse(await readFile(join(here.dataDir, "secrets.json"), "utf8")),
  );
  const now = Math.floor(Date.now() / 1000);
  const head = { alg: "EdDSA", typ: WORKSPACE_TOKEN.typ, kid: signingKey.kid };
  const times = { iss: installationId, aud: WORKSPACE_TOKEN.audience, iat: now, exp: now + TOKEN_TTL_S };
  const text = [head, { ...claims, ...times }].map((part) => base64url(JSON.stringify(part))).join(".");
  const key = createPrivateKey({ key: signingKey, format: "jwk" });
  return `${text}.${sign(null, Buffer.from(text), key).toString("base64url")}`;
}

const base64url = (text: string) => Buffer.from(text).toString("base64url");
