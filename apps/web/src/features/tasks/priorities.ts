/** The priorities of a task: 0 is none, 1 urgent … 4 low. Pure. */
const WORDS = ["No priority", "Urgent", "High", "Medium", "Low"] as const;

export const PRIORITIES_BY_URGENCY = [1, 2, 3, 4, 0] as const;

export const labelPriority = (priority: number): string => WORDS[priority] ?? WORDS[0];

/** The next priority up or down; null at the end. */
export function getNextPriority(priority: number, direction: "up" | "down"): number | null {
  const at = PRIORITIES_BY_URGENCY.findIndex((each) => each === priority);
  return PRIORITIES_BY_URGENCY[at + (direction === "up" ? -1 : 1)] ?? null;
}
