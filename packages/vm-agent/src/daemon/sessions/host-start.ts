/** A session host's start as the machine's start gate sees it: waits for its turn, holds the permit until the host answers. */
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

  /** Resolves when the host may be started, or at once when the signal is aborted. */
  async admit(session: SessionRow, signal: AbortSignal): Promise<void> {
    this.over();
    this.#permit = await this.#ports.starts.enter({ signal, onDelayed: () => this.delayed(session) });
  }

  /** Reports a wait for a host that has asked for its own turn already. */
  async watch<T>(session: SessionRow, wait: () => Promise<T>): Promise<T> {
    const cancel = this.#ports.timers.after(DELAYED_AFTER_MS, () => this.delayed(session));
    try {
      return await wait();
    } finally {
      cancel();
    }
  }

  /** The host answers, or has ended. */
  over(): void {
    this.#permit?.release();
    this.#permit = null;
  }

  /** Reports, once, that a process of the session's start has waited long. */
  delayed({ id: sessionId, workspaceId, startedTold }: SessionRow): void {
    if (this.#reported || startedTold) return;
    this.#reported = true;
    const { store } = this.#ports;
    store.transaction(() => store.append({ kind: "session.start_delayed", workspaceId, sessionId }));
  }
}
