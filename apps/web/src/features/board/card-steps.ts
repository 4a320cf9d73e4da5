/** From one card to the next by the arrow keys. Pure. */
import type { TaskId } from "@samovar/base";
import type { Column } from "./columns.ts";

export type Step = "up" | "down" | "left" | "right";

/** The card beside `from`; the first one when `from` is nowhere; null at an end. */
export function findNeighbour(columns: readonly Column[], from: TaskId | null, step: Step): TaskId | null {
  const filled = columns.filter(({ tasks }) => tasks.length > 0);
  const column = filled.findIndex(({ tasks }) => tasks.some((task) => task.id === from));
  const tasks = filled[column]?.tasks;
  if (tasks === undefined) return filled[0]?.tasks[0]?.id ?? null;
  const row = tasks.findIndex((task) => task.id === from);
  if (step === "up" || step === "down") return tasks[row + (step === "up" ? -1 : 1)]?.id ?? null;
  const beside = filled[column + (step === "left" ? -1 : 1)]?.tasks;
  return beside?.[Math.min(row, beside.length - 1)]?.id ?? null;
}

/** The card that takes the place of one that is gone: the one that stood after it, else before it. */
export function findReplacement(before: readonly Column[], now: readonly Column[], gone: TaskId): TaskId | null {
  const old = before.find(({ tasks }) => tasks.some((task) => task.id === gone));
  if (old === undefined) return null;
  const row = old.tasks.findIndex((task) => task.id === gone);
  const left = new Set(now.flatMap(({ tasks }) => tasks.map((task) => task.id)));
  const after = old.tasks.slice(row + 1).find((task) => left.has(task.id));
  return (after ?? old.tasks.slice(0, row).findLast((task) => left.has(task.id)))?.id ?? null;
}
