/** Priorities by name; 0 is none. */
export const PRIORITIES = ["none", "urgent", "high", "medium", "low"] as const;

export function priorityName(priority: number): string {
  return PRIORITIES[priority] ?? String(priority);
}
