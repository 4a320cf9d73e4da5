/** Waits for a timeout or a wake-up, whichever comes first. A wake-up that comes before the wait ends the next wait at once. */
import type { Timers } from "@samovar/base";
import { systemTimers } from "@samovar/base";

export class Waiter {
  readonly #timers: Timers;
  #isWoken = false;
  #resume = () => {};

  constructor(timers: Timers = systemTimers) {
    this.#timers = timers;
  }

  wake(): void {
    this.#isWoken = true;
    this.#resume();
  }

  /** `timeoutMs` null: waits for a wake-up only. */
  async wait(timeoutMs: number | null): Promise<void> {
    if (!this.#isWoken) {
      await new Promise<void>((resolve) => {
        const cancel = timeoutMs === null ? () => {} : this.#timers.after(Math.max(0, timeoutMs), resolve);
        this.#resume = () => {
          cancel();
          resolve();
        };
      });
      this.#resume = () => {};
    }
    this.#isWoken = false;
  }
}
