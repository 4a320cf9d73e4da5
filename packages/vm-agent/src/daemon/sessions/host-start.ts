/** Passes a session host through the start gate: waits for the permit and holds it until the host answers. */
import type { Timers } from "@samovar/base";
import { DELAYED_AFTER_MS, type StartGate, type StartPermit } from "@samovar/processes";
import type { SessionRow } from "../store/rows.ts";
import type { DaemonStore } from "../store/store.ts";

export interface HostStartPorts {
  readonly starts: StartGate;
  readonly store: DaemonStore;
  readonly timers: Timers;
}

export class HostStart {
  readonly #ports: HostStartPorts;
  #permit: StartPermit | null = null;
  #reported = false;

  constructor(ports: HostStartPorts) {
    this.#ports = ports;
  }

  /** Resolves when the host may start, or at once when the signal is aborted. */
  async admit(session: SessionRow, signal: AbortSignal): Promise<void> {
    this.release();
    this.#permit = await this.#ports.starts.enter({ signal, onDelayed: () => this.reportDelay(session) });
  }

  /** Runs `wait` and reports a long wait: for a standby host, which has queued for its own permit. */
  async reportLongWait<T>(session: SessionRow, wait: () => Promise<T>): Promise<T> {
    const cancel = this.#ports.timers.after(DELAYED_AFTER_MS, () => this.reportDelay(session));
    try {
      return await wait();
    } finally {
      cancel();
    }
  }

  /** Call when the host answers or has exited. */
  release(): void {
    this.#permit?.release();
    this.#permit = null;
  }

  /** Reports, once per session, that one of its processes has waited long for its start. */
  reportDelay({ id: sessionId, workspaceId, startReported }: SessionRow): void {
    if (this.#reported || startReported) return;
    this.#reported = true;
    const { store } = this.#ports;
    store.transaction(() => store.append({ kind: "session.start_delayed", workspaceId, sessionId }));
  }
}
