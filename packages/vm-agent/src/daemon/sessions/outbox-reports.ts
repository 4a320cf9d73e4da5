/**
 * Reports a session's outbox statistics: only changes, with one unacknowledged report at a time. The number of pending
 * messages changes constantly while an agent streams, and each report costs the control plane requests and rows.
 */
import type { SessionId, Timers } from "@samovar/base";
import { systemTimers } from "@samovar/base";
import type { OutboxStats } from "@samovar/contracts";
import type { DaemonStore } from "../store/store.ts";

/** Delay after dead letters. */
const SOON_MS = 5_000;
/** Shortest interval for reports of only the number of pending messages. */
const EVERY_MS = 30_000;
const NOTHING: OutboxStats = { pending: 0, deadLetters: 0, lastDeadLetterReason: null };

export class OutboxReports {
  readonly #sessionId: SessionId;
  readonly #store: Pick<DaemonStore, "append" | "hasPending" | "transaction">;
  readonly #timers: Timers;
  #reported = NOTHING;
  #newest: OutboxStats | null = null;
  #timer: { readonly forMs: number; readonly cancel: () => void } | null = null;

  constructor(
    sessionId: SessionId,
    ports: { readonly store: Pick<DaemonStore, "append" | "hasPending" | "transaction">; readonly timers?: Timers },
  ) {
    this.#sessionId = sessionId;
    this.#store = ports.store;
    this.#timers = ports.timers ?? systemTimers;
  }

  consider(stats: OutboxStats): void {
    this.#newest = stats;
    this.#schedule(stats.deadLetters === this.#reported.deadLetters ? EVERY_MS : SOON_MS);
  }

  /** Appends a report if the statistics have changed. Within a transaction. */
  report(stats: OutboxStats): void {
    if (JSON.stringify(stats) === JSON.stringify(this.#reported)) return;
    this.#reported = stats;
    this.#store.append({ kind: "outbox.stats", sessionId: this.#sessionId, stats });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** Does nothing if a report is already due by then. */
  #schedule(forMs: number): void {
    if (this.#timer !== null && this.#timer.forMs <= forMs) return;
    this.stop();
    const cancel = this.#timers.after(forMs, () => {
      this.#timer = null;
      const newest = this.#newest ?? this.#reported;
      if (this.#store.hasPending("outbox.stats", this.#sessionId)) this.consider(newest);
      else this.#store.transaction(() => this.report(newest));
    });
    this.#timer = { forMs, cancel };
  }
}
