/**
 * Reports what a session's gateway has metered: only changes, at most every two seconds, with one unacknowledged report at a
 * time, and always before the session's end. A report has everything so far, so none of them is ever missed for good.
 */
import type { SessionId, Timers, WorkspaceId } from "@samovar/base";
import { systemTimers } from "@samovar/base";
import type { MeteredUsage } from "@samovar/contracts";
import { NOTHING_METERED } from "@samovar/contracts";
import type { DaemonStore } from "../store/store.ts";

const EVERY_MS = 2_000;
const NOTHING = JSON.stringify(NOTHING_METERED);

export class MeteringReports {
  readonly #sessionId: SessionId;
  readonly #store: Pick<DaemonStore, "append" | "hasPending" | "transaction">;
  readonly #timers: Timers;
  #newest: { readonly workspaceId: WorkspaceId; readonly metered: MeteredUsage } | null = null;
  #reported = NOTHING;
  #cancelTimer: (() => void) | null = null;

  constructor(
    sessionId: SessionId,
    ports: { readonly store: Pick<DaemonStore, "append" | "hasPending" | "transaction">; readonly timers?: Timers },
  ) {
    this.#sessionId = sessionId;
    this.#store = ports.store;
    this.#timers = ports.timers ?? systemTimers;
  }

  /** `metered`: as the host reports it; undefined from an earlier host. */
  consider(workspaceId: WorkspaceId, metered: MeteredUsage | undefined): void {
    if (metered === undefined) return;
    this.#newest = { workspaceId, metered };
    if (JSON.stringify(metered) !== this.#reported) this.#schedule();
  }

  #schedule(): void {
    this.#cancelTimer ??= this.#timers.after(EVERY_MS, () => {
      this.#cancelTimer = null;
      if (this.#store.hasPending("session.metered", this.#sessionId)) this.#schedule();
      else this.#store.transaction(() => this.report());
    });
  }

  /** Appends a report if something was metered since the last one. Within a transaction. */
  report(): void {
    if (this.#newest === null) return;
    const { workspaceId, metered } = this.#newest;
    const text = JSON.stringify(metered);
    if (text === this.#reported) return;
    this.#reported = text;
    this.#store.append({ kind: "session.metered", workspaceId, sessionId: this.#sessionId, metered });
  }

  stop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }
}
