/** How often a node dials a control plane that does not answer. */
import type { Backoff } from "@samovar/base";

/** On one machine the control plane is back within seconds; over the internet patience is kinder. */
export function reconnectLimits(controlPlaneUrl: string): Backoff {
  const { hostname } = new URL(controlPlaneUrl);
  const local = hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.");
  return { initialMs: 250, maxMs: local ? 5_000 : 30_000 };
}
