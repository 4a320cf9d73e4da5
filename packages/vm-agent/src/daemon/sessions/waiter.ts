/** Waits for a time or a poke, whichever comes first. A poke that comes while nobody waits is remembered. */
import type { Timers } from "@samovar/base";
import { systemTimers } from "@samovar/base";

export class Waiter {
  readonly #timers: Timers;
  #poked = false;
  #wake = () => {};

  constructor(timers: Timers = systemTimers) {
    this.#timers = timers;
  }

  poke(): void {
    this.#poked = true;
    this.#wake();
  }

  /** `timeoutMs` null: only a poke ends it. */
  async wait(timeoutMs: number | null): Promise<void> {
    if (!this.#poked) {
      await new Promise<void>((resolve) => {
        const cancel = timeoutMs === null ? () => {} : this.#timers.after(Math.max(0, timeoutMs), resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
      this.#wake = () => {};
    }
    this.#poked = false;
  }
}
