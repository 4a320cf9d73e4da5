/** Random plans that are the same each time for the same seed. What a test tells of a failure names its seed. */
import * as fc from "fast-check";

/** `npm run test:long`: more seeds and longer faults than the ordinary run has time for. */
export const isLong = process.env["SAMOVAR_LONG_TESTS"] === "1";

/** How many seeds a series takes: a few at each `npm test`, all of them in the long run. */
export const SEEDS = isLong ? 20 : 6;

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
