/** Workspaces: a checkout plus an agent on a node. */
import * as z from "zod";
import { failure } from "./errors.ts";
import { millis, nodeId, projectId, sessionId, taskId, workspaceId } from "./ids.ts";

export const workspaceState = z.enum(["creating", "ready", "busy", "kept", "destroying", "destroyed", "failed"]);
export type WorkspaceState = z.infer<typeof workspaceState>;

export const workspaceView = z.object({
  id: workspaceId,
  projectId: projectId.nullable(),
  sessionId: sessionId.nullable(),
  taskId: taskId.nullable(),
  nodeId,
  branch: z.string().nullable(),
  state: workspaceState,
  failure: failure.nullable(),
  keepUntil: millis.nullable(),
  createdAt: millis,
  updatedAt: millis,
});
export type WorkspaceView = z.infer<typeof workspaceView>;
