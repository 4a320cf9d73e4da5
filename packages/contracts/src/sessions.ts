/** Sessions: a conversation kept in the project, independent of any machine. */
import * as z from "zod";
import { millis, projectId, sessionId, taskId, workspaceId } from "./ids.ts";

export const sessionStatus = z.enum(["active", "stopped", "error"]);
export type SessionStatus = z.infer<typeof sessionStatus>;

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
  startedAt: millis,
  endedAt: millis.nullable(),
});
export type SessionView = z.infer<typeof sessionView>;
