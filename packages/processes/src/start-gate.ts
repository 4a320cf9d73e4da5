/**
 * The client's end of the start gate: starting a process costs much CPU time, so on one machine only a few start at a
 * time. The gate delays a start and never prevents it: without a gate, or when it is gone or slow, the start goes ahead.
 */
import { createConnection } from "node:net";
import type { Timers } from "@samovar/base";
import { TIME_LIMITS } from "@samovar/contracts";

/** Environment variable of a node's services: the gate's unix socket. */
export const START_GATE_VARIABLE = "SAMOVAR_START_GATE";

/** A start that has waited for so long is shown to people. */
export const DELAYED_AFTER_MS = 3_000;

export interface StartPermit {
  /** The start is over, well or not. May be called again. */
  release(): void;
}

export interface StartGate {
  /**
   * Resolves when the start may go ahead; never rejects. An aborted signal ends the wait, and the caller decides what
   * that means. `onDelayed` is called once when the wait is long.
   */
  enter(wait: { readonly signal: AbortSignal; readonly onDelayed?: () => void }): Promise<StartPermit>;
}

const NO_PERMIT: StartPermit = { release: () => {} };

export const noStartGate: StartGate = { enter: () => Promise.resolve(NO_PERMIT) };

/** `path`: the gate's socket; null where there is none. */
export function startGate(path: string | null, timers: Timers): StartGate {
  if (path === null) return noStartGate;
  return { enter: (wait) => enter(path, timers, wait) };
}

/**
 * The connection is the place in the queue, then the permit: whoever dies leaves both. The client says its process id, so
 * that the gate can see when it is stopped; the gate's first byte is the permit.
 */
function enter(
  path: string,
  timers: Timers,
  { signal, onDelayed = () => {} }: Parameters<StartGate["enter"]>[0],
): Promise<StartPermit> {
  if (signal.aborted) return Promise.resolve(NO_PERMIT);
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const leave = () => void socket.destroy();
    const cancelTimers = [timers.after(DELAYED_AFTER_MS, onDelayed), timers.after(TIME_LIMITS.START_WAIT_MS.ms, leave)];
    const goAhead = (permit: StartPermit) => {
      for (const cancel of cancelTimers) cancel();
      signal.removeEventListener("abort", leave);
      resolve(permit);
    };
    signal.addEventListener("abort", leave, { once: true });
    socket.once("connect", () => socket.write(`${process.pid}\n`));
    socket.on("data", () => goAhead({ release: leave }));
    // An error is followed by the close.
    socket.on("error", () => {});
    socket.once("close", () => goAhead(NO_PERMIT));
    socket.unref();
  });
}
