/** What the page shows of a node, computed from its view. Pure. */
import type { Millis } from "@samovar/base";
import type { NodeView, NodeWork, Price, WorkspaceView } from "@samovar/contracts";
import { countStartedHours } from "@samovar/domain/spending";

/** `free`: up, without work, and not yet counted as warm. */
export type ShownNode = "booting" | "working" | "free" | "warm" | "draining" | "destroying" | "destroyed";

export function getShownNode({ state, taskIds }: Pick<NodeView, "state" | "taskIds">): ShownNode {
  if (state === "provisioning") return "booting";
  if (state === "active") return taskIds.length > 0 ? "working" : "free";
  return state;
}

export interface PoolCounts {
  readonly working: number;
  readonly warm: number;
  readonly booting: number;
  /** One for each currency; nodes without a known price are left out. */
  readonly perHour: readonly Price[];
}

export function summarizePool(nodes: readonly NodeView[]): PoolCounts {
  const shown = nodes.map(getShownNode);
  const count = (...wanted: readonly ShownNode[]) => shown.filter((each) => wanted.includes(each)).length;
  const sums = new Map<string, number>();
  for (const { pricePerHour } of nodes) {
    if (pricePerHour === null) continue;
    sums.set(pricePerHour.currency, (sums.get(pricePerHour.currency) ?? 0) + Number(pricePerHour.amount));
  }
  return {
    working: count("working", "draining"),
    warm: count("warm", "free"),
    booting: count("booting"),
    perHour: [...sums].map(([currency, sum]) => ({ currency, amount: sum.toFixed(6) })),
  };
}

/** Counts started hours; null when the price is unknown. */
export function getCostSoFar(node: NodeView, now: Millis): Price | null {
  if (node.pricePerHour === null) return null;
  const { amount, currency } = node.pricePerHour;
  return { currency, amount: (Number(amount) * countStartedHours(node, now)).toFixed(6) };
}

/** From 0 to 1: how much of the time in which it takes work is over. */
export function getAgeShare({ createdAt, maxLifetimeAt }: NodeView, now: Millis): number {
  const life = maxLifetimeAt - createdAt;
  return life <= 0 ? 1 : Math.min(1, Math.max(0, (now - createdAt) / life));
}

/** What is on one node: running tasks, and retained workspaces of ended ones. */
export interface NodeUsage {
  readonly running: readonly NodeWork[];
  readonly retained: readonly { readonly workspace: WorkspaceView; readonly work: NodeWork | null }[];
}

export function getNodeUsage(node: NodeView, work: readonly NodeWork[], retained: readonly WorkspaceView[]): NodeUsage {
  const own = work.filter((each) => each.nodeId === node.id);
  const workspaces = retained.filter((workspace) => workspace.nodeId === node.id);
  return {
    running: own.filter((each) => node.taskIds.includes(each.taskId)),
    retained: workspaces.map((workspace) => ({
      workspace,
      work: own.find((each) => each.taskId === workspace.taskId) ?? null,
    })),
  };
}

/** `4:07`, `1:02:00`: what is left until then. */
export function formatCountdown(untilMs: number): string {
  const seconds = Math.max(0, Math.ceil(untilMs / 1_000));
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), seconds % 60];
  const two = (n: number) => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** `2 h 04 min`, `3 min`: an age, without seconds. */
export function formatAge(ms: number): string {
  const minutes = Math.floor(Math.max(0, ms) / 60_000);
  if (minutes < 1) return "under 1 min";
  const rest = minutes % 60;
  if (minutes < 60) return `${minutes} min`;
  return rest === 0 ? `${Math.floor(minutes / 60)} h` : `${Math.floor(minutes / 60)} h ${rest} min`;
}
