/** Formats a table of plain columns. */
import type { Style } from "./terminal.ts";

/** Does not pad the last column. Returns `none` when there are no rows. */
export function formatTable(
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
