/** Growing waits between attempts, spread so that many nodes do not knock at once. */
import type { Random } from "@samovar/base";

export interface BackoffLimits {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** `failures` counts from 1. Between half of the growing limit and the whole of it. */
export function backoffMs(failures: number, limits: BackoffLimits, random: Random): number {
  const limit = Math.min(limits.maxMs, limits.initialMs * 2 ** Math.min(failures - 1, 20));
  return Math.round(limit * (0.5 + random.next() / 2));
}

/** On one machine the control plane is back within seconds; over the internet patience is kinder. */
export function reconnectLimits(controlPlaneUrl: string): BackoffLimits {
  const { hostname } = new URL(controlPlaneUrl);
  const local = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  return { initialMs: 250, maxMs: local ? 5_000 : 30_000 };
}
