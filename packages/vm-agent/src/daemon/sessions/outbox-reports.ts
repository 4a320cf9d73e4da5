/** Reports a session's outbox statistics: only changes, at most every five seconds, with one unacknowledged report at a time. */
import type { SessionId, Timers } from "@samovar/base";
import { systemTimers } from "@samovar/base";
import type { OutboxStats } from "@samovar/contracts";
import type { DaemonStore } from "../store/store.ts";

const EVERY_MS = 5_000;
const NOTHING = JSON.stringify({ pending: 0, deadLetters: 0, lastDeadLetterReason: null } satisfies OutboxStats);

export class OutboxReports {
  readonly #sessionId: SessionId;
  readonly #store: DaemonStore;
  readonly #timers: Timers;
  #reported = NOTHING;
  #newest: OutboxStats | null = null;
  #cancelTimer: (() => void) | null = null;

  constructor(sessionId: SessionId, ports: { readonly store: DaemonStore; readonly timers?: Timers }) {
    this.#sessionId = sessionId;
    this.#store = ports.store;
    this.#timers = ports.timers ?? systemTimers;
  }

  consider(stats: OutboxStats): void {
    this.#newest = stats;
    this.#cancelTimer ??= this.#timers.after(EVERY_MS, () => {
      this.#cancelTimer = null;
      if (this.#store.hasPending("outbox.stats", this.#sessionId)) this.consider(this.#newest ?? stats);
      else this.#store.transaction(() => this.report(this.#newest ?? stats));
    });
  }

  /** Appends a report if the statistics have changed. Within a transaction. */
  report(stats: OutboxStats): void {
    const text = JSON.stringify(stats);
    if (text === this.#reported) return;
    this.#reported = text;
    this.#store.append({ kind: "outbox.stats", sessionId: this.#sessionId, stats });
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }
}
