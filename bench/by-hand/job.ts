/** The by-hand script's input, and the times that it returns. */
import * as z from "zod";

export const byHandJob = z.object({
  repository: z.string(),
  /** The clone's path, which does not exist yet. */
  checkout: z.string(),
  branch: z.string(),
  /** The agent's argv and complete environment. */
  command: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()),
  prompt: z.string(),
});
export type ByHandJob = z.infer<typeof byHandJob>;

/** In chronological order. */
export const BY_HAND_MARKS = [
  "started",
  "cloned",
  "branched",
  "spawned",
  "initialized",
  "session opened",
  "prompted",
  "first update",
  "first message",
  "answered",
  "stopped",
  "committed",
  "pushed",
] as const;
export type ByHandMark = (typeof BY_HAND_MARKS)[number];

/** Milliseconds since the epoch. */
export const byHandMarks = z.record(z.enum(BY_HAND_MARKS), z.number());
export type ByHandMarks = z.infer<typeof byHandMarks>;
