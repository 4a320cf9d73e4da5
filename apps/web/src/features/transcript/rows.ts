/**
 * The rows of a transcript: each message is one, save that tool calls which follow each other are one row together.
 * Reading again after a change makes new rows only from the first changed message on. Pure.
 */
import type { MessageView } from "@samovar/contracts";

export type Row = MessageRow | StepsRow;

export interface MessageRow {
  readonly kind: "message";
  readonly key: string;
  readonly message: MessageView;
}

/** Tool calls, one after the other. */
export interface StepsRow {
  readonly kind: "steps";
  /** Stays when older calls join in front. */
  readonly key: string;
  readonly messages: readonly MessageView[];
}

export interface Rows {
  readonly messages: readonly MessageView[];
  readonly rows: readonly Row[];
  /** A row begins at this position: what is new since the last visit. */
  readonly breakAt: number | null;
}

/** The tool name under which a node reports `samovar.setup`. */
export const SETUP_TOOL = "setup";

export const noRows: Rows = { messages: [], rows: [], breakAt: null };

/** Longer runs of calls are several rows, so that an open one stays light. */
const MOST_STEPS = 50;

export function readRows(messages: readonly MessageView[], breakAt: number | null, before: Rows): Rows {
  if (messages === before.messages && breakAt === before.breakAt) return before;
  const kept = breakAt === before.breakAt ? unchangedRows(messages, before) : [];
  const done = kept.reduce((sum, row) => sum + countMessages(row), 0);
  const changed = before.rows.slice(kept.length);
  const known = new Set(changed.flatMap((row) => (row.kind === "steps" ? [row.key] : [])));
  const fresh = groupRuns(messages.slice(done), breakAt).map((run) => toRow(run, known));
  return { messages, rows: [...kept, ...fresh], breakAt };
}

/** Reads one session over its life. */
export function createRowReader(): (messages: readonly MessageView[], breakAt: number | null) => readonly Row[] {
  let read = noRows;
  return (messages, breakAt) => {
    read = readRows(messages, breakAt, read);
    return read.rows;
  };
}

/** The position of a row's first and last message. */
export const getFirstPosition = (row: Row): number =>
  row.kind === "message" ? row.message.position : (row.messages[0]?.position ?? 0);

export const getLastPosition = (row: Row): number =>
  row.kind === "message" ? row.message.position : (row.messages.at(-1)?.position ?? 0);

/** The row that holds a position; -1 when none does. Rows are in order, so it is found by halving. */
export function findRow(rows: readonly Row[], position: number): number {
  let [low, high] = [0, rows.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row === undefined) return -1;
    if (getLastPosition(row) < position) low = middle + 1;
    else if (getFirstPosition(row) > position) high = middle - 1;
    else return middle;
  }
  return -1;
}

export const holds = (row: Row, position: number): boolean =>
  getFirstPosition(row) <= position && position <= getLastPosition(row);

function unchangedRows(messages: readonly MessageView[], before: Rows): readonly Row[] {
  let same = 0;
  while (same < messages.length && messages[same] === before.messages[same]) same++;
  const rows: Row[] = [];
  let end = 0;
  for (const row of before.rows) {
    end += countMessages(row);
    if (end > same) break;
    rows.push(row);
  }
  // The next message may join the last one.
  return rows.at(-1)?.kind === "steps" ? rows.slice(0, -1) : rows;
}

function groupRuns(messages: readonly MessageView[], breakAt: number | null): readonly (readonly MessageView[])[] {
  const runs: MessageView[][] = [];
  for (const message of messages) {
    const run = runs.at(-1);
    if (run !== undefined && isCall(message) && isCall(run.at(-1)) && !begins(message, breakAt)) run.push(message);
    else runs.push([message]);
  }
  return runs;
}

/** The repository's own set-up is none of the agent's steps. */
const isCall = (message: MessageView | undefined): boolean =>
  message?.kind === "tool" && message.toolMetadata?.tool !== SETUP_TOOL;

/** Counted from the session's start, so that older messages which come later do not move the bounds. */
const begins = ({ position }: MessageView, breakAt: number | null): boolean =>
  position === breakAt || position % MOST_STEPS === 0;

function toRow(run: readonly MessageView[], known: ReadonlySet<string>): Row {
  const [first] = run;
  if (first !== undefined && first.kind !== "tool") return { kind: "message", key: first.messageId, message: first };
  const key = run.find(({ messageId }) => known.has(messageId))?.messageId ?? first?.messageId ?? "";
  return { kind: "steps", key, messages: run };
}

const countMessages = (row: Row): number => (row.kind === "message" ? 1 : row.messages.length);
