/** Which agents there are for a person, and whether each has what it needs. */
import type { UserId } from "@samovar/base";
import type { AgentDetail, AgentKind, AgentCapabilities, AgentView, CredentialKind } from "@samovar/contracts";
import { listCredentialNames } from "../credentials/store.ts";
import type { Database } from "../database/index.ts";
import { findAgent, listKnownAgents } from "./recipe.ts";
import type { KnownAgent } from "./recipe.ts";
import { listCapabilities } from "./store.ts";

/** The credentials that a person has stored, each with the names of its variables if it holds any. */
export type StoredNames = ReadonlyMap<CredentialKind, readonly string[]>;

export async function listAgents(db: Database, ownerId: UserId): Promise<AgentView[]> {
  const [agents, stored, capabilities] = await Promise.all([
    listKnownAgents(db, ownerId),
    listCredentialNames(db, ownerId),
    listCapabilities(db, ownerId),
  ]);
  return agents.map((agent) => viewOf(agent, stored, capabilities));
}

/** Null when there is no agent of this name for them. */
export async function describeAgent(db: Database, ownerId: UserId, kind: AgentKind): Promise<AgentDetail | null> {
  const agent = await findAgent(db, ownerId, kind);
  if (agent === null) return null;
  const [stored, capabilities] = await Promise.all([listCredentialNames(db, ownerId), listCapabilities(db, ownerId)]);
  return { ...viewOf(agent, stored, capabilities), definition: agent.definition };
}

/** What a person has to do before this agent can be used; null when there is nothing to do. */
export function getMissingHint({ credential, secretEnv, hint }: KnownAgent, stored: StoredNames): string | null {
  if (credential === null) return null;
  const names = stored.get(credential);
  if (names === undefined) return hint;
  const missing = secretEnv.filter((name) => !names.includes(name));
  return missing.length === 0 ? null : `Store the secret variables that are missing: ${missing.join(", ")}.`;
}

function viewOf(
  agent: KnownAgent,
  stored: StoredNames,
  capabilities: ReadonlyMap<AgentKind, AgentCapabilities>,
): AgentView {
  const { recipe, description, credential, secretEnv, definition } = agent;
  const hint = getMissingHint(agent, stored);
  return {
    kind: recipe.kind,
    name: recipe.name,
    description,
    builtIn: definition === null,
    usable: hint === null,
    hint,
    credential,
    secretEnv: [...secretEnv],
    program: recipe.program,
    capabilities: capabilities.get(recipe.kind) ?? null,
  };
}
