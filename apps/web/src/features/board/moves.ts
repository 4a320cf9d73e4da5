/** What it means to bring a card to a column, or why that cannot be. Pure; the control plane has the last word. */
import type { TaskStatus, TaskView } from "@samovar/contracts";
import { isIdle, isRunning } from "../tasks/shown-status.ts";

export type Move =
  | { readonly kind: "stay" }
  | { readonly kind: "edit"; readonly status: "draft" | "ready" }
  | { readonly kind: "act"; readonly action: "run" | "retry" | "cancel" }
  | { readonly kind: "refused"; readonly why: string };

export type Direction = "left" | "right";

/** Columns that a person can bring a card to, from left to right; those a task passes through count as in progress. */
export const TARGETS = ["draft", "ready", "in_progress", "cancelled"] as const satisfies readonly TaskStatus[];

const ORDER = ["draft", "ready", "in_progress", "completed", "failed", "cancelled"] as const;

const refused = (why: string): Move => ({ kind: "refused", why });

export function moveTo(task: TaskView, to: TaskStatus): Move {
  switch (to) {
    case "draft":
    case "ready":
      return toIdle(task, to);
    case "queued":
    case "delegated":
    case "in_progress":
      return toWork(task, to);
    case "completed":
    case "failed":
      return task.status === to ? { kind: "stay" } : refused("A task gets here only when its run ends.");
    case "cancelled":
      return toCancelled(task);
  }
}

function toIdle(task: TaskView, status: "draft" | "ready"): Move {
  if (task.status === status) return { kind: "stay" };
  if (isIdle(task)) return { kind: "edit", status };
  return isRunning(task.status)
    ? refused("It's running. Cancel it first, then run it again.")
    : refused("It has already run. Run it again, or describe a new task.");
}

function toWork(task: TaskView, to: TaskStatus): Move {
  if (task.status === to) return { kind: "stay" };
  if (isIdle(task)) return { kind: "act", action: "run" };
  if (isRunning(task.status)) return refused("A running task moves on its own.");
  if (task.status === "completed") return refused("It's completed. Describe a follow-up in chat.");
  return { kind: "act", action: "retry" };
}

function toCancelled(task: TaskView): Move {
  if (task.status === "cancelled") return { kind: "stay" };
  if (task.status === "completed" || task.status === "failed") return refused("It has already ended.");
  return task.cancelRequested ? refused("It's already being cancelled.") : { kind: "act", action: "cancel" };
}

/** The next column in a direction that takes the card; what stands between is passed over. */
export function moveBeside(
  task: TaskView,
  direction: Direction,
): { readonly to: TaskStatus | null; readonly move: Move } {
  const step = direction === "right" ? 1 : -1;
  const here = ORDER.findIndex((status) => status === (isRunning(task.status) ? "in_progress" : task.status));
  let nearest: Move | null = null;
  for (let index = here + step; index >= 0 && index < ORDER.length; index += step) {
    const to = ORDER[index];
    if (to === undefined) break;
    const move = moveTo(task, to);
    if (move.kind === "edit" || move.kind === "act") return { to, move };
    nearest ??= move;
  }
  return { to: null, move: nearest ?? refused("There is no other column in that direction.") };
}

export const mayReorder = (task: TaskView): boolean => isIdle(task) || task.status === "queued";
