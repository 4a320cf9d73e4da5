/** Random plans that are the same each time for the same seed. What a test tells of a failure names its seed. */
import { inSeries } from "@samovar/testing";
import * as fc from "fast-check";

/** How many seeds a series takes: a few at each `npm test`, all of them in the long run. */
export const SEEDS = inSeries({ short: 6, long: 20 });

export interface Seeded<T> {
  readonly seed: number;
  readonly plan: T;
}

/** `count` plans, one a seed, from `SEED` on when the environment names one (1 otherwise). */
export function seededPlans<T>(plan: fc.Arbitrary<T>, count: number): readonly Seeded<T>[] {
  const first = Number(process.env["SEED"] ?? 1);
  return Array.from({ length: count }, (_, i) => {
    const seed = first + i;
    const [made] = fc.sample(plan, { seed, numRuns: 1 });
    if (made === undefined) throw new Error("a plan that cannot be made");
    return { seed, plan: made };
  });
}

/** For messages: `seed 7 {"how":"KILL"}`. */
export function nameOf({ seed, plan }: Seeded<unknown>): string {
  return `seed ${seed} ${JSON.stringify(plan)}`;
}
