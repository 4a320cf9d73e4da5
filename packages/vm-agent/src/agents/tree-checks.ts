/**
 * Checks installed trees before agents start from them. A check of Claude Code's 10,000 files takes some 70 ms, so a task's
 * check runs while its repository is cloned and counts for a short time.
 */
import type { Clock, Millis } from "@samovar/base";
import { isUntouched } from "./installed-tree.ts";

interface Check {
  readonly startedAt: Millis;
  readonly result: Promise<boolean>;
}

/** Longer than most clones, shorter than most tasks. */
const COUNTS_FOR_MS = 10_000;

export class TreeChecks {
  readonly #clock: Clock;
  readonly #checks = new Map<string, Check>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether nothing has touched the tree since its record; what was found within the last seconds counts. */
  async isUntouched(directory: string, recordFile: string): Promise<boolean> {
    const now = this.#clock.now();
    const known = this.#checks.get(directory);
    const isRecent = known !== undefined && now >= known.startedAt && now - known.startedAt < COUNTS_FOR_MS;
    const check = isRecent ? known : { startedAt: now, result: isUntouched(directory, recordFile) };
    this.#checks.set(directory, check);
    const isIntact = await check.result;
    if (!isIntact && this.#checks.get(directory) === check) this.#checks.delete(directory);
    return isIntact;
  }
}
