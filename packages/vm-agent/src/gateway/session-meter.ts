/**
 * What one session's gateway has metered, and the session's limits: once one is reached, no further model call is let
 * through, and the session's host is notified. Of calls at the same time, those wait that would pass a limit by what the others
 * may still use, so that together they pass it by no more than one call alone does. Keeps no text of any reply.
 */
import type { Clock } from "@samovar/base";
import type { MeteredUsage, ModelUsage, SessionBudget } from "@samovar/contracts";
import { NOTHING_METERED } from "@samovar/contracts";
import { findReachedLimit, toBudgetFailure } from "@samovar/domain/budget";
import type { ReachedLimit } from "@samovar/domain/budget";
import { addCall } from "@samovar/domain/metering";

export interface MeterListener {
  /** Called after each metered call. */
  onMetered(metered: MeteredUsage): void;
  /** Called once, before the reply that reached the limit has passed to its end. */
  onLimitReached(reached: ReachedLimit): void;
}

/** A call that waits until the limits leave it room. */
interface WaitingCall {
  readonly estimate: ModelUsage;
  /** Null: a limit is reached, or the caller has left. */
  readonly settle: (release: (() => void) | null) => void;
}

export class SessionMeter {
  readonly #clock: Clock;
  #metered = NOTHING_METERED;
  #budget: SessionBudget | null = null;
  #listener: MeterListener | null = null;
  #reached: ReachedLimit | null = null;
  /** What calls under way may use. */
  readonly #underWay = new Set<ModelUsage>();
  #waiting: readonly WaitingCall[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get metered(): MeteredUsage {
    return this.#metered;
  }

  /** Why the next model call is refused; null when it is let through. */
  get refusal(): string | null {
    this.#check();
    return this.#reached === null ? null : toBudgetFailure(this.#reached).message;
  }

  get isLimited(): boolean {
    return this.#budget !== null && this.#budget.limits.length > 0;
  }

  /**
   * Resolves when the limits leave room for the call, in the order of the requests. The caller calls the returned function when
   * the call is over and counted. Null: a limit was reached meanwhile ({@link refusal}), or the signal was aborted.
   */
  reserve(estimate: ModelUsage, signal: AbortSignal): Promise<(() => void) | null> {
    return new Promise((resolve) => {
      const leave = () => {
        this.#waiting = this.#waiting.filter((each) => each !== call);
        resolve(null);
        this.#admit();
      };
      const call: WaitingCall = {
        estimate,
        settle: (release) => {
          signal.removeEventListener("abort", leave);
          resolve(release);
        },
      };
      this.#waiting = [...this.#waiting, call];
      if (signal.aborted) return leave();
      signal.addEventListener("abort", leave, { once: true });
      this.#admit();
    });
  }

  /** Attaches the session. Until then there is no limit, and no model call either. */
  attach(budget: SessionBudget | null, listener: MeterListener): void {
    this.#budget = budget;
    this.#listener = listener;
  }

  /** Counts one answered call; null: its reply did not report its usage. */
  count(call: ModelUsage | null): void {
    this.#metered = addCall(this.#metered, call);
    this.#listener?.onMetered(this.#metered);
    this.#check();
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      const isRefused = this.refusal !== null;
      if (!isRefused && !this.#hasRoom(next.estimate)) return;
      this.#waiting = this.#waiting.slice(1);
      next.settle(isRefused ? null : this.#start({ ...next.estimate }));
    }
  }

  /** `estimate`: an object of this call alone. */
  #start(estimate: ModelUsage): () => void {
    this.#underWay.add(estimate);
    return () => {
      if (this.#underWay.delete(estimate)) this.#admit();
    };
  }

  /** A call alone always has room: how much it really uses is known only afterwards. */
  #hasRoom(estimate: ModelUsage): boolean {
    if (this.#underWay.size === 0 || this.#budget === null) return true;
    const foreseen = [...this.#underWay, estimate].reduce(addCall, this.#metered);
    return findReachedLimit(this.#budget, foreseen, this.#clock.now()) === null;
  }

  #check(): void {
    if (this.#reached !== null || this.#budget === null) return;
    this.#reached = findReachedLimit(this.#budget, this.#metered, this.#clock.now());
    if (this.#reached !== null) this.#listener?.onLimitReached(this.#reached);
  }
}
