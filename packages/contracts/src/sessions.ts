/** Sessions: conversations stored in the project, independent of any node. */
import * as z from "zod";
import { messageKind } from "./messages.ts";
import { millis, projectId, sessionId, taskId, workspaceId } from "./ids.ts";

export const sessionStatus = z.enum(["active", "stopped", "error"]);
export type SessionStatus = z.infer<typeof sessionStatus>;

/** The agent's last action, in a few words. */
export const sessionActivity = z.object({ kind: messageKind, text: z.string().max(200), at: millis });
export type SessionActivity = z.infer<typeof sessionActivity>;

export const sessionView = z.object({
  id: sessionId,
  projectId,
  taskId: taskId.nullable(),
  workspaceId: workspaceId.nullable(),
  topic: z.string().nullable(),
  status: sessionStatus,
  /** Grows by one with each stored change; the viewers' cursor. */
  version: z.number().int().nonnegative(),
  messageCount: z.number().int().nonnegative(),
  lastMessageAt: millis.nullable(),
  /** Null before the agent has done anything. */
  activity: sessionActivity.nullable(),
  startedAt: millis,
  endedAt: millis.nullable(),
});
export type SessionView = z.infer<typeof sessionView>;
