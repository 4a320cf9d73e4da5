/** What a task needs before anything is made for it: an agent that is known, its credential, and the cloud's. */
import type { UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { AgentKind, CredentialKind } from "@samovar/contracts";
import { listCredentialNames } from "../credentials/store.ts";
import type { Database } from "../database/index.ts";
import type { Deps } from "../deps.ts";
import { chooseProvider, describeMissingProvider } from "../providers/choose-provider.ts";
import { getMissingHint } from "./agents.ts";
import { requireAgent } from "./recipe.ts";

/** Throws `agent_not_configured` or `credentials_missing`, with the page on which to put it right. */
export async function assertRunnable(
  { db, config }: Pick<Deps, "db" | "config">,
  ownerId: UserId,
  kind: AgentKind,
): Promise<void> {
  const agent = await requireAgent(db, ownerId, kind);
  const stored = await listCredentialNames(db, ownerId);
  const hint = getMissingHint(agent, stored);
  if (hint !== null && agent.credential !== null) {
    throw missing(agent.credential, `${agent.recipe.name} cannot run yet. ${hint} Then run the task again.`);
  }
  if (chooseProvider(config, stored) === null) {
    const provider = describeMissingProvider(config);
    throw missing(provider.kind, provider.message);
  }
}

/** For what names an agent, or leaves it open. Throws `agent_not_configured`. */
export async function assertAgentKnown(
  db: Database,
  ownerId: UserId,
  kind: AgentKind | null | undefined,
): Promise<void> {
  if (kind !== null && kind !== undefined) await requireAgent(db, ownerId, kind);
}

function missing(kind: CredentialKind, message: string): SamovarError {
  return new SamovarError("credentials_missing", message, { kind, settingsPath: "/settings/credentials" });
}
