/** Plain columns. */
import type { Style } from "./terminal.ts";

/** The last column is not padded. `none` stands in the place of an empty table. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  none: string,
  style: Style,
): string {
  if (rows.length === 0) return none;
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const render = (cells: readonly string[]) =>
    cells.map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("  ");
  return [style.dim(render(head.map((title) => title.toUpperCase()))), ...rows.map(render)].join("\n");
}
