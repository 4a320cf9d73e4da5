/**
 * What one session's gateway has metered, and the session's limits: once one is reached, no further model call is let
 * through, and the session's host is notified. Keeps no text of any reply.
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

export class SessionMeter {
  readonly #clock: Clock;
  #metered = NOTHING_METERED;
  #budget: SessionBudget | null = null;
  #listener: MeterListener | null = null;
  #reached: ReachedLimit | null = null;

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

  #check(): void {
    if (this.#reached !== null || this.#budget === null) return;
    this.#reached = findReachedLimit(this.#budget, this.#metered, this.#clock.now());
    if (this.#reached !== null) this.#listener?.onLimitReached(this.#reached);
  }
}
