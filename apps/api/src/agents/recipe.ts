/** An agent by its name, for one person: one that comes with Samovar, or one of their own. The only place that looks it up. */
import type { UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { AgentDefinition, AgentKind, AgentRecipe, CredentialKind, ModelApi } from "@samovar/contracts";
import { AGENTS, findBuiltInAgent } from "@samovar/domain/agents";
import type { AgentEntry } from "@samovar/domain/agents";
import type { Database } from "../database/index.ts";
import type { Deps } from "../deps.ts";
import { findDefinition, listDefinitions } from "./store.ts";

export interface KnownAgent {
  readonly recipe: AgentRecipe;
  readonly description: string;
  /** The credential that it needs; null for none. */
  readonly credential: CredentialKind | null;
  /** The variables that must be in that credential; none where it is a model's. */
  readonly secretEnv: readonly string[];
  /** What to do when the credential is missing. */
  readonly hint: string;
  /** What its owner wrote; null for one that comes with Samovar. */
  readonly definition: AgentDefinition | null;
}

export async function findAgent(db: Database, ownerId: UserId, kind: AgentKind): Promise<KnownAgent | null> {
  const entry = findBuiltInAgent(kind);
  if (entry !== null) return builtIn(entry);
  const definition = await findDefinition(db, ownerId, kind);
  return definition === null ? null : ownAgent(definition);
}

/** How a node gets and starts this owner's agent of that name; null when there is none. */
export async function getRecipe(
  { db }: Pick<Deps, "db">,
  ownerId: UserId,
  kind: AgentKind,
): Promise<AgentRecipe | null> {
  return (await findAgent(db, ownerId, kind))?.recipe ?? null;
}

/** Those that come with Samovar first. */
export async function listKnownAgents(db: Database, ownerId: UserId): Promise<readonly KnownAgent[]> {
  return [...Object.values(AGENTS).map(builtIn), ...(await listDefinitions(db, ownerId)).map(ownAgent)];
}

/** Throws `agent_not_configured`, which names those that there are and where to add one. */
export async function requireAgent(db: Database, ownerId: UserId, kind: AgentKind): Promise<KnownAgent> {
  const agent = await findAgent(db, ownerId, kind);
  if (agent !== null) return agent;
  const known = (await listKnownAgents(db, ownerId)).map(({ recipe }) => recipe.kind);
  throw new SamovarError(
    "agent_not_configured",
    `There is no agent named ${kind}. There are: ${known.join(", ")}. You can add one in the settings, under Agents.`,
    { agent: kind, known, settingsPath: "/settings/agents" },
  );
}

function builtIn({ description, credential, hint, recipe }: AgentEntry): KnownAgent {
  return { recipe, description, credential, secretEnv: [], hint, definition: null };
}

function ownAgent(definition: AgentDefinition): KnownAgent {
  const { kind, name, description, program, env, gateway, secretEnv } = definition;
  return {
    recipe: { kind, name, program, env, gateway, secretEnv: secretEnv.length > 0, startsEarly: false, homeFiles: {} },
    description,
    credential: gateway ?? (secretEnv.length > 0 ? `agent:${kind}` : null),
    secretEnv,
    hint: gateway === null ? `Store its secret variables: ${secretEnv.join(", ")}.` : MODEL_HINTS[gateway],
    definition,
  };
}

const MODEL_HINTS: Record<ModelApi, string> = {
  anthropic: "Store an Anthropic credential: an API key, an OAuth token or a base URL.",
  openai: "Store an OpenAI credential: an API key or a base URL.",
  google: "Store a Google credential: an API key or a base URL.",
};
