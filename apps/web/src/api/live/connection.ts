/** The state of the connection as the page shows it: short breaks are not shown, long ones are. */
import type { Millis } from "@samovar/base";
import type { SocketState } from "@samovar/client/project-socket";

export interface Connection {
  readonly state: SocketState;
  /** When it was last lost or first sought; meaningless while open. */
  readonly lostAt: Millis;
  /** Null before the first success. */
  readonly lastOpenAt: Millis | null;
}

export type ConnectionStatus = "live" | "connecting" | "reconnecting" | "offline";

/** Silence before "Reconnecting…" is shown, and before the page says that it shows old things. */
export const RECONNECTING_AFTER_MS = 2_000;
export const OFFLINE_AFTER_MS = 10_000;

export const unconnected: Connection = { state: "closed", lostAt: 0, lastOpenAt: null };

export function enterState(connection: Connection, state: SocketState, now: Millis): Connection {
  if (state === "open") return { state, lostAt: 0, lastOpenAt: now };
  const wasOpen = connection.state === "open";
  const startsNow = wasOpen || connection.lostAt === 0;
  return {
    state,
    lostAt: startsNow ? now : connection.lostAt,
    lastOpenAt: wasOpen ? now : connection.lastOpenAt,
  };
}

export function getConnectionStatus(connection: Connection, browserOnline: boolean, now: Millis): ConnectionStatus {
  if (connection.state === "open" || connection.state === "closed") return browserOnline ? "live" : "offline";
  const silentMs = now - connection.lostAt;
  if (!browserOnline || silentMs >= OFFLINE_AFTER_MS) return "offline";
  if (silentMs < RECONNECTING_AFTER_MS) return "live";
  return connection.lastOpenAt === null ? "connecting" : "reconnecting";
}
