/** What a task needs before anything is made for it: the credentials of its agent and of the cloud. */
import type { UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { AgentKind, CredentialKind } from "@samovar/contracts";
import { builtInAgent } from "@samovar/domain/agents";
import { hasCredential } from "../credentials/store.ts";
import type { Database } from "../database/index.ts";

/** Throws `credentials_missing`, with the page on which to store them. */
export async function assertRunnable(db: Database, ownerId: UserId, agent: AgentKind): Promise<void> {
  const entry = builtInAgent(agent);
  if (entry === null) throw new SamovarError("agent_not_configured", `There is no agent named ${agent}.`, { agent });
  const { credential } = entry;
  const { name } = entry.recipe;
  if (credential !== null && !(await hasCredential(db, ownerId, credential))) {
    throw missing(
      credential,
      `${name} needs a credential of kind "${credential}". Store one in the settings, then run the task again.`,
    );
  }
  if (!(await hasCredential(db, ownerId, "hetzner"))) {
    throw missing(
      "hetzner",
      "There is no credential for a cloud, so no machine can be made. Store a Hetzner token in the settings.",
    );
  }
}

function missing(kind: CredentialKind, message: string): SamovarError {
  return new SamovarError("credentials_missing", message, { kind, settingsPath: "/settings/credentials" });
}
