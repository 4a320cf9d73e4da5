/** What of a row is folded, and what is open at first. Pure. */
import type { Opened } from "./places.ts";
import { findRow, type Row, type StepsRow } from "./rows.ts";
import { FOLDED_FROM } from "./steps.ts";

/** The name under which a run of calls, unlike the calls in it, is open. */
export const getStepsId = (row: StepsRow): string => `steps ${row.key}`;

export function getFolds(row: Row): readonly string[] {
  if (row.kind === "message")
    return row.message.kind === "thought" || row.message.role === "user" ? [row.message.messageId] : [];
  return row.messages.length < FOLDED_FROM ? row.messages.map(({ messageId }) => messageId) : [getStepsId(row)];
}

/** A message that the address asks for is open, and so is what it is folded into. */
export function openAt(rows: readonly Row[], target: number | null, opened: Opened): Opened {
  const row = target === null ? undefined : rows[findRow(rows, target)];
  if (row === undefined) return opened;
  const message = row.kind === "message" ? row.message : row.messages.find(({ position }) => position === target);
  const ids = [...getFolds(row), ...(message === undefined ? [] : [message.messageId])];
  return { ...opened, each: new Map([...opened.each, ...ids.map((id) => [id, true] as const)]) };
}
