/** Tells what a session's outbox holds: only changes, seldom, and never two at a time that nobody has taken yet. */
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
  #told = NOTHING;
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
      else this.#store.transaction(() => this.last(this.#newest ?? stats));
    });
  }

  /** Within a transaction: the last word before the session's end. */
  last(stats: OutboxStats): void {
    const text = JSON.stringify(stats);
    if (text === this.#told) return;
    this.#told = text;
    this.#store.append({ kind: "outbox.stats", sessionId: this.#sessionId, stats });
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }
}
