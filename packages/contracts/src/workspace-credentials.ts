/** Credentials that nodes fetch on demand with a workspace token, and keep in memory only. */
import * as z from "zod";

/**
 * `GET /api/workspaces/:workspaceId/agent-credential`: the credential that this workspace's agent needs. Held by the
 * session-host: a model's key stays in its gateway, `env` goes into the agent's environment.
 */
export const agentCredential = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("anthropic"),
    apiKey: z.string().optional(),
    oauthToken: z.string().optional(),
    /** The upstream; the vendor's own when absent. */
    baseUrl: z.string().optional(),
  }),
  z.object({ kind: z.literal("openai"), apiKey: z.string().optional(), baseUrl: z.string().optional() }),
  z.object({ kind: z.literal("google"), apiKey: z.string().optional(), baseUrl: z.string().optional() }),
  z.object({ kind: z.literal("env"), env: z.record(z.string(), z.string()) }),
]);
export type AgentCredential = z.infer<typeof agentCredential>;
export type ModelCredential = Exclude<AgentCredential, { kind: "env" }>;

/**
 * `GET /api/workspaces/:workspaceId/git-credential`: for the repository of this workspace, and for its host alone.
 * Null fields when none is stored for that host.
 */
export const gitCredential = z.object({
  credential: z.object({ host: z.string(), username: z.string(), password: z.string() }).nullable(),
});
export type GitCredential = z.infer<typeof gitCredential>;
