/** Prints distributions of samples as a plain-text table. */

export interface Spread {
  readonly name: string;
  readonly count: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** `samples` in milliseconds. */
export function spread(name: string, samples: readonly number[]): Spread {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  return { name, count: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** NaN for an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

export function printTable(title: string, rows: readonly Spread[]): void {
  const cells = rows.map(({ name, count, p50, p90, p99, max }) => ({ name, values: [count, p50, p90, p99, max] }));
  printRows(title, ["N", "p50", "p90", "p99", "max"], cells);
}

/** Formats numbers with `digits` decimals. */
export function printRows(
  title: string,
  heads: readonly string[],
  rows: readonly { readonly name: string; readonly values: readonly number[] }[],
  digits = 0,
): void {
  const width = Math.max(...rows.map((row) => row.name.length), title.length);
  const cellWidth = Math.max(8, ...heads.map((head) => head.length + 2));
  console.log(`\n${title.padEnd(width)}${heads.map((head) => head.padStart(cellWidth)).join("")}`);
  for (const { name, values } of rows)
    console.log(`${name.padEnd(width)}${values.map((value) => value.toFixed(digits).padStart(cellWidth)).join("")}`);
}
