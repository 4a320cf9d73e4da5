/** How high a row will be, about, before it has been seen. Good guesses keep the scroll bar honest. Pure. */
import type { MessageView } from "@samovar/contracts";
import { FOLDED_FROM } from "./steps.ts";
import type { Row } from "./rows.ts";

const LINE_PX = 24;
const FOLD_PX = 34;
const CHARS_A_LINE = 92;
/** A long task is folded to this. */
const SAID_PX = 264;

export const ROW_GAP_PX = 16;
/** Room for what stands before the first row, and after the last. */
export const HEAD_PX = 56;
export const END_PX = 20;

export function estimateRowHeight(row: Row | undefined): number {
  if (row === undefined) return 64;
  if (row.kind === "steps")
    return row.messages.length < FOLDED_FROM ? row.messages.length * (FOLD_PX + 8) - 8 : FOLD_PX;
  return messageHeight(row.message);
}

function messageHeight({ kind, role, content }: MessageView): number {
  if (kind === "thought") return FOLD_PX;
  if (kind === "plan") return 120;
  const lines = content.split("\n", 400);
  const height = lines.reduce((sum, line) => sum + LINE_PX * Math.max(0.5, Math.ceil(line.length / CHARS_A_LINE)), 0);
  return role === "user" ? Math.min(height, SAID_PX) + 20 : height;
}

/** From the list's top to a row's. */
export function getRowOffset(rows: readonly Row[], index: number, sizes: ReadonlyMap<unknown, number>): number {
  return rows
    .slice(0, index)
    .reduce((sum, row) => sum + (sizes.get(row.key) ?? estimateRowHeight(row)) + ROW_GAP_PX, HEAD_PX);
}
