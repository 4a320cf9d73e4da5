/** The names of priorities; the index is the number in the API. */
export const PRIORITIES = ["none", "urgent", "high", "medium", "low"] as const;

export function labelPriority(priority: number): string {
  return PRIORITIES[priority] ?? String(priority);
}
