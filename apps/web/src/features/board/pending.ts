/**
 * Changes that were requested and that the server hasn't confirmed yet: they are laid over its state, so that a card is
 * where its owner put it at once, and back where it was when the server refuses. Pure.
 */
import type { TaskId } from "@samovar/base";
import type { TaskView } from "@samovar/contracts";

export interface PendingChange {
  /** Which command it is: a later one of the same task takes its place. */
  readonly token: number;
  readonly fields: Partial<Pick<TaskView, "status" | "priority" | "cancelRequested" | "acknowledged" | "waiting">>;
  /** The version that has it; null until the server has answered. */
  readonly until: number | null;
}

export type Pending = ReadonlyMap<TaskId, PendingChange>;

export function withPending(tasks: readonly TaskView[], pending: Pending): readonly TaskView[] {
  if (pending.size === 0) return tasks;
  return tasks.map((task) => {
    const change = pending.get(task.id);
    if (change === undefined || (change.until !== null && task.version >= change.until)) return task;
    return { ...task, ...change.fields };
  });
}

/** What is still under way of the same task stays laid over it: the server answers in the order of the asking. */
export function beginChange(pending: Pending, id: TaskId, change: Omit<PendingChange, "until">): Pending {
  const before = pending.get(id);
  const fields = before?.until === null ? { ...before.fields, ...change.fields } : change.fields;
  return new Map(pending).set(id, { ...change, fields, until: null });
}

export function acceptChange(pending: Pending, id: TaskId, token: number, version: number): Pending {
  const change = pending.get(id);
  return change?.token !== token ? pending : new Map(pending).set(id, { ...change, until: version });
}

export function withdrawChange(pending: Pending, id: TaskId, token: number): Pending {
  if (pending.get(id)?.token !== token) return pending;
  const rest = new Map(pending);
  rest.delete(id);
  return rest;
}
