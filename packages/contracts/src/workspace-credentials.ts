/** Credentials, and digests of others, that nodes fetch on demand with a workspace token and keep in memory only. */
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

/**
 * `GET /api/workspaces/:workspaceId/secret-digests`: by which a session host finds secrets of the installation that it must not
 * know in what its agent prints. Only secrets that cannot be guessed have one.
 */
export const secretDigests = z.object({
  /** Of this answer alone, so that answers cannot be compared. */
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  forms: z
    .array(
      z.object({
        /** In characters. */
        length: z.number().int().min(1).max(100_000),
        /** Sixteen bits about how it begins, which tell where a comparison is worth its time. */
        start: z.number().int().min(0).max(0xffff),
        /** The first half of its SHA-256, with the salt. */
        digest: z.string().regex(/^[0-9a-f]{32}$/),
      }),
    )
    .max(20_000),
  /** SHA-256 of API tokens, of which the control plane knows no more. */
  apiTokens: z.array(z.string().regex(/^[0-9a-f]{64}$/)).max(1000),
});
export type SecretDigests = z.infer<typeof secretDigests>;
