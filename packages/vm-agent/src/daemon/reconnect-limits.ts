/** The backoff with which a node dials its control plane. */
import type { Backoff } from "@samovar/base";

/** A control plane on the same computer restarts within seconds; a remote one is retried less often. */
export function getReconnectLimits(controlPlaneUrl: string): Backoff {
  const { hostname } = new URL(controlPlaneUrl);
  const local = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  return { initialMs: 250, maxMs: local ? 5_000 : 30_000 };
}
