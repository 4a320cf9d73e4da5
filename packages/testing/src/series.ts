/** Random plans that are the same each time for the same seed: a few of them in `npm test`, all in `npm run test:long`. */

/** `npm run test:long`: more seeds and longer faults than the ordinary run has time for. */
export const isLong = process.env["SAMOVAR_LONG_TESTS"] === "1";

/** How many of a series this run takes. */
export function inSeries({ short, long }: { readonly short: number; readonly long: number }): number {
  return isLong ? long : short;
}
