/** A message: a small document that grows by revisions until it is final. */
import * as z from "zod";
import { messageId, millis, sessionId } from "./ids.ts";

export const messageRole = z.enum(["user", "assistant", "system", "tool"]);
export type MessageRole = z.infer<typeof messageRole>;

/** `notice` is a system message: workspace events, warnings, gaps. */
export const messageKind = z.enum(["text", "thought", "plan", "tool", "notice"]);
export type MessageKind = z.infer<typeof messageKind>;

export const toolStatus = z.enum(["pending", "running", "success", "error"]);
export type ToolStatus = z.infer<typeof toolStatus>;

export const fileDiff = z.object({
  path: z.string(),
  /** Null for a file that did not exist. */
  oldText: z.string().nullable(),
  newText: z.string(),
  /** Set when either text was cut to fit. */
  truncated: z.boolean().optional(),
});
export type FileDiff = z.infer<typeof fileDiff>;

export const toolMetadata = z.object({
  toolCallId: z.string().max(200),
  /** The agent's own name of the tool, or ACP's kind: `execute`, `edit`, … */
  tool: z.string().max(200),
  title: z.string().max(4000),
  /** The file or address that it works on, if reported. */
  target: z.string().max(4000).nullable(),
  status: toolStatus,
  /** Raw input as the agent gave it, as JSON text. */
  input: z.string().optional(),
  /** Text output; may carry ANSI colours. */
  output: z.string().optional(),
  diffs: z.array(fileDiff).optional(),
  exitCode: z.number().int().nullable().optional(),
  /** Set when input, output or diffs were cut to fit. */
  truncated: z.boolean().optional(),
});
export type ToolMetadata = z.infer<typeof toolMetadata>;

/** The body of a `plan` message's content, as JSON text. */
export const planEntries = z.array(
  z.object({
    content: z.string(),
    status: z.enum(["pending", "in_progress", "completed"]),
    priority: z.enum(["high", "medium", "low"]).optional(),
  }),
);
export type PlanEntries = z.infer<typeof planEntries>;

/** Content that did not fit: how many bytes there were, and their SHA-256 (hex). */
export const truncation = z.object({ bytes: z.number().int().nonnegative(), sha256: z.string() });
export type Truncation = z.infer<typeof truncation>;

/** A message as the store keeps it and viewers get it. */
export const messageView = z.object({
  messageId,
  sessionId,
  /** Dense per session from 0, assigned by the store at first arrival. The order of the transcript. */
  position: z.number().int().nonnegative(),
  role: messageRole,
  kind: messageKind,
  content: z.string(),
  toolMetadata: toolMetadata.nullable(),
  revision: z.number().int().positive(),
  final: z.boolean(),
  interrupted: z.boolean(),
  truncated: truncation.nullable(),
  createdAt: millis,
});
export type MessageView = z.infer<typeof messageView>;
