/** Search over the messages of a project. */
import * as z from "zod";
import { millis, messageId, sessionId, taskId } from "./ids.ts";
import { SEARCH_LIMITS } from "./limits.ts";
import { messageKind, messageRole } from "./messages.ts";

/** `best` ranks the newest matches by how often and how closely they have the words. */
export const searchOrder = z.enum(["newest", "best"]);
export type SearchOrder = z.infer<typeof searchOrder>;

export const searchRequest = z.object({
  /** Words that a message has, in any order and case; the last one may be the beginning of a word. */
  q: z.string().trim().min(1).max(SEARCH_LIMITS.queryChars),
  role: messageRole.optional(),
  order: searchOrder.default("newest"),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(SEARCH_LIMITS.pageMax).default(20),
});
export type SearchRequest = z.infer<typeof searchRequest>;

/** A range of UTF-16 units, the end excluded. */
export const textRange = z.object({ start: z.number().int().nonnegative(), end: z.number().int().nonnegative() });
export type TextRange = z.infer<typeof textRange>;

export const searchSnippet = z.object({
  /** One line: line feeds and other controls are spaces. */
  text: z.string(),
  /** Where the text has the words. */
  highlights: z.array(textRange),
  /** Whether the message goes on before and after it. */
  isCutBefore: z.boolean(),
  isCutAfter: z.boolean(),
});
export type SearchSnippet = z.infer<typeof searchSnippet>;

export const searchHit = z.object({
  sessionId,
  taskId: taskId.nullable(),
  /** The session's. */
  topic: z.string().nullable(),
  messageId,
  /** The message's place in its session, for a link to it. */
  position: z.number().int().nonnegative(),
  role: messageRole,
  kind: messageKind,
  createdAt: millis,
  snippet: searchSnippet,
});
export type SearchHit = z.infer<typeof searchHit>;

export const searchPage = z.object({
  items: z.array(searchHit),
  nextCursor: z.string().nullable(),
  /** False while older messages are not indexed yet: they may have more. */
  complete: z.boolean(),
});
export type SearchPage = z.infer<typeof searchPage>;
