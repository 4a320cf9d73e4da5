/** The credentials of one workspace: the owner's, for its own agent and its own repository, and no other. Keeps S1. */
import { SamovarError } from "@samovar/contracts";
import type { AgentCredential, CredentialSecret, GitCredential } from "@samovar/contracts";
import { eq } from "drizzle-orm";
import { requireAgent } from "../agents/recipe.ts";
import type { KnownAgent } from "../agents/recipe.ts";
import { readCredential } from "../credentials/store.ts";
import { projects } from "../database/schema.ts";
import type { Deps } from "../deps.ts";
import { githubRepository } from "../github/repository.ts";
import type { WorkspaceRow } from "./store.ts";

/** Throws `not_found` for an agent that needs none, `credentials_missing` when what it needs is gone. */
export async function credentialOfAgent({ db, env }: Deps, row: WorkspaceRow): Promise<AgentCredential> {
  const agent = row.agent === null ? null : await requireAgent(db, row.ownerId, row.agent);
  if (agent === null || agent.credential === null) {
    throw new SamovarError("not_found", "This workspace's agent needs no credential.");
  }
  const secret = await readCredential(env, row.ownerId, agent.credential);
  const credential = secret === null ? null : given(agent, secret);
  if (credential !== null) return credential;
  throw new SamovarError(
    "credentials_missing",
    `${agent.recipe.name} lacks its credential. ${agent.hint} Then try the task again.`,
    { kind: agent.credential, settingsPath: "/settings/credentials" },
  );
}

/** Of its variables only those that it names; null when one is missing. */
function given({ secretEnv }: KnownAgent, secret: CredentialSecret): AgentCredential | null {
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

/** Null for every address but one of https://github.com, and when the owner has stored no token for it. */
export async function credentialOfRepository(
  { db, env }: Deps,
  row: WorkspaceRow,
): Promise<GitCredential["credential"]> {
  if (row.projectId === null) return null;
  const [project] = await db.select().from(projects).where(eq(projects.id, row.projectId));
  if (project === undefined || project.ownerId !== row.ownerId) return null;
  if (githubRepository(project.repoUrl)?.over !== "https") return null;
  const secret = await readCredential(env, row.ownerId, "github");
  if (secret?.kind !== "github") return null;
  return { host: "github.com", username: "x-access-token", password: secret.token };
}
