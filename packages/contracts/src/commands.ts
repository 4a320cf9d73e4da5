/** Commands: control plane → node. Idempotent by `id`, persisted on both sides, in order of `n`. */
import * as z from "zod";
import { agentRecipe } from "./agents.ts";
import { sessionBudget } from "./budget.ts";
import { egressPolicy } from "./egress.ts";
import { messageId, projectId, sessionId, taskId, workspaceId } from "./ids.ts";
import { branchName, checkoutOptions, commitIdentity, demandedRuntime } from "./projects.ts";

const commandOf = <K extends string, A extends z.ZodType>(kind: K, args: A) =>
  z.object({ n: z.number().int().positive(), id: z.string().max(200), kind: z.literal(kind), args });

export const workspaceCreateArgs = z.object({
  workspaceId,
  projectId: projectId.nullable(),
  sessionId: sessionId.nullable(),
  taskId: taskId.nullable(),
  repoUrl: z.string(),
  /** Null: the repository's default branch. */
  baseBranch: z.string().nullable(),
  /** The requested name; if the remote has it, `-2`, `-3`, … is used and reported in `workspace.ready`. */
  branch: branchName,
  commitIdentity,
  checkout: checkoutOptions,
  /** The agent of its session, so that it can start while the checkout is being made. */
  agent: agentRecipe.optional(),
});
export type WorkspaceCreateArgs = z.infer<typeof workspaceCreateArgs>;

export const sessionStartArgs = z.object({
  workspaceId,
  sessionId,
  agent: agentRecipe,
  /** Absent from earlier control planes: open. */
  egress: egressPolicy.optional(),
  /** The session runs in this runtime or not at all; null and absent: in the node's. */
  runtime: demandedRuntime.nullable().optional(),
  /** One that the agent offers; null for the agent's default. */
  model: z.string().max(200).nullable(),
  /** One that the agent offers; null for the one with the fewest permission requests. */
  permissionMode: z.string().max(200).nullable(),
  /** Longest time that the repository's `samovar.setup` may take, if there is one. */
  setupTimeoutMs: z.number().int().positive(),
  /** The user message, already stored by ProjectData; the session host does not store it again. */
  prompt: z.object({ messageId, text: z.string() }),
  /** Silence of the agent (no update while no tool runs) after which the turn is ended. */
  idleTimeoutMs: z.number().int().positive(),
  /** Longest time that the whole session may take. */
  maxDurationMs: z.number().int().positive(),
  /** Absent: without a limit. */
  budget: sessionBudget.optional(),
  /** What to do after a clean end: commit uncommitted changes, push. */
  finish: z.object({ commit: z.boolean(), push: z.boolean(), commitMessage: z.string().max(4000) }),
});
export type SessionStartArgs = z.infer<typeof sessionStartArgs>;

/** Commands carry no secrets: tokens come in `welcome` and `tokens`, all other secrets over HTTPS on demand. */
export const command = z.discriminatedUnion("kind", [
  commandOf("workspace.create", workspaceCreateArgs),
  commandOf("workspace.destroy", z.object({ workspaceId })),
  commandOf("session.start", sessionStartArgs),
  commandOf("session.cancel", z.object({ workspaceId, sessionId, reason: z.string().max(1000) })),
  commandOf("node.drain", z.object({})),
]);
export type Command = z.infer<typeof command>;
export type CommandKind = Command["kind"];
export type CommandDraft = { [K in CommandKind]: Omit<Extract<Command, { kind: K }>, "n"> }[CommandKind];
