/** The credentials that a workspace may request: its owner's, for its agent and its repository only. Keeps S1. */
import { SamovarError } from "@samovar/contracts";
import type { AgentCredential, CredentialSecret, GitCredential } from "@samovar/contracts";
import { eq } from "drizzle-orm";
import { requireAgent } from "../agents/recipe.ts";
import type { KnownAgent } from "../agents/recipe.ts";
import { readCredential } from "../credentials/store.ts";
import { projects } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { parseGitHubRepository } from "../github/repository.ts";
import type { WorkspaceRow } from "./store.ts";

/** Throws `not_found` for an agent that needs none, `credentials_missing` if the credential is not stored. */
export async function getAgentCredential({ db, env }: Deps, row: WorkspaceRow): Promise<AgentCredential> {
  const agent = row.agent === null ? null : await requireAgent(db, row.ownerId, row.agent);
  if (agent === null || agent.credential === null) {
    throw new SamovarError("not_found", "This workspace's agent needs no credential.");
  }
  const secret = await readCredential(env, row.ownerId, agent.credential);
  const credential = secret === null ? null : selectCredential(agent, secret);
  if (credential !== null) return credential;
  throw new SamovarError(
    "credentials_missing",
    `${agent.recipe.name} has no credential. ${agent.hint} Then retry the task.`,
    { kind: agent.credential, settingsPath: "/settings/credentials" },
  );
}

/** Only the variables that the agent names; null if one is missing. */
function selectCredential({ secretEnv }: KnownAgent, secret: CredentialSecret): AgentCredential | null {
  switch (secret.kind) {
    case "anthropic":
    case "openai":
    case "google":
      return secret;
    case "agent": {
      if (!secretEnv.every((name) => Object.hasOwn(secret.env, name))) return null;
      const named = Object.entries(secret.env).filter(([name]) => secretEnv.includes(name));
      return { kind: "env", env: Object.fromEntries(named) };
    }
    default:
      return null;
  }
}

/** Null unless the address is on https://github.com and the owner has stored a token for it. */
export async function getGitCredential({ db, env }: Deps, row: WorkspaceRow): Promise<GitCredential["credential"]> {
  if (row.projectId === null) return null;
  const [project] = await db.select().from(projects).where(eq(projects.id, row.projectId));
  if (project === undefined || project.ownerId !== row.ownerId) return null;
  if (parseGitHubRepository(project.repoUrl)?.over !== "https") return null;
  const secret = await readCredential(env, row.ownerId, "github");
  if (secret?.kind !== "github") return null;
  return { host: "github.com", username: "x-access-token", password: secret.token };
}
