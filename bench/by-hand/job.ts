/** What the script of the measurement by hand is given, and the times that it answers. */
import * as z from "zod";

export const byHandJob = z.object({
  repository: z.string(),
  /** Where the clone goes; nothing is there yet. */
  checkout: z.string(),
  branch: z.string(),
  /** argv of the agent, and its whole environment. */
  command: z.array(z.string()).min(1),
  env: z.record(z.string(), z.string()),
  prompt: z.string(),
});
export type ByHandJob = z.infer<typeof byHandJob>;

/** In the order in which they happen. */
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
