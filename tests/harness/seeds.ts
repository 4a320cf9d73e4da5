/** Random plans, reproducible by their seed. A failing test names its seed. */
import { inSeries } from "@samovar/testing";
import * as fc from "fast-check";

/** How many seeds a series uses: a few in `npm test`, all of them in the long run. */
export const SEEDS = inSeries({ short: 6, long: 20 });

export interface Seeded<T> {
  readonly seed: number;
  readonly plan: T;
}

/** `count` plans, one per seed, starting at the environment's `SEED` (default 1). */
export function seededPlans<T>(plan: fc.Arbitrary<T>, count: number): readonly Seeded<T>[] {
  const first = Number(process.env["SEED"] ?? 1);
  return Array.from({ length: count }, (_, i) => {
    const seed = first + i;
    const [made] = fc.sample(plan, { seed, numRuns: 1 });
    if (made === undefined) throw new Error("a plan that cannot be made");
    return { seed, plan: made };
  });
}

/** For test titles and errors: `seed 7 {"how":"KILL"}`. */
export function formatSeed({ seed, plan }: Seeded<unknown>): string {
  return `seed ${seed} ${JSON.stringify(plan)}`;
}
