/** Workspaces: a checkout plus an agent on a node. */
import * as z from "zod";
import { failure } from "./errors.ts";
import { agentKind } from "./agents.ts";
import { millis, nodeId, projectId, sessionId, taskId, workspaceId } from "./ids.ts";

export const workspaceState = z.enum(["creating", "ready", "busy", "retained", "destroying", "destroyed", "failed"]);
export type WorkspaceState = z.infer<typeof workspaceState>;

export const workspaceView = z.object({
  id: workspaceId,
  projectId: projectId.nullable(),
  sessionId: sessionId.nullable(),
  taskId: taskId.nullable(),
  nodeId,
  branch: z.string().nullable(),
  agent: agentKind.nullable(),
  state: workspaceState,
  failure: failure.nullable(),
  retainedUntil: millis.nullable(),
  createdAt: millis,
  updatedAt: millis,
});
export type WorkspaceView = z.infer<typeof workspaceView>;

/** `POST /api/workspaces/:w/extend`: retains a workspace for this long from now. */
export const extendWorkspace = z.object({
  keepForMs: z
    .number()
    .int()
    .min(60_000)
    .max(7 * 24 * 3_600_000),
});

/** The state of an existing workspace, as its node reports it. */
export const workspaceDiff = z.object({
  /** The checkout's directory on the node. */
  path: z.string(),
  branch: z.string().nullable(),
  head: z.string().nullable(),
  /** Changes since the base commit, committed or not. */
  files: z.array(
    z.object({ path: z.string(), change: z.enum(["added", "modified", "deleted", "renamed", "untracked"]) }),
  ),
  /** Unified; cut when it is long. */
  diff: z.string(),
  truncated: z.boolean(),
});
export type WorkspaceDiff = z.infer<typeof workspaceDiff>;
