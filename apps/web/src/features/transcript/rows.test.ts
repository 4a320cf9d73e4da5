/** Rows against the messages they are made of, read once and read after each change. */
import type { MessageKind, MessageView } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { aMessage } from "../../api/views.testing.ts";
import { getFirstPosition, getLastPosition, noRows, readRows, findRow, type Rows } from "./rows.ts";

const said = (kinds: readonly MessageKind[], from = 0): MessageView[] =>
  kinds.map((kind, index) => aMessage({ kind, position: from + index }));
const shape = (rows: Rows) => rows.rows.map((row) => (row.kind === "steps" ? row.messages.length : row.message.kind));
const all = (rows: Rows) => rows.rows.flatMap((row) => (row.kind === "steps" ? row.messages : [row.message]));

describe("[R27] the rows of a transcript", () => {
  it("join tool calls that follow each other", () => {
    const rows = readRows(said(["text", "tool", "tool", "thought", "tool", "text"], 1), null, noRows);
    expect(shape(rows)).toEqual(["text", 2, "thought", 1, "text"]);
  });

  it("break where something is new, and every fifty messages", () => {
    const calls = Array.from({ length: 120 }, () => "tool" as const);
    expect(shape(readRows(said(calls), null, noRows))).toEqual([50, 50, 20]);
    expect(shape(readRows(said(calls), 60, noRows))).toEqual([50, 10, 40, 20]);
  });

  it("keep the rows before a change as they are", () => {
    const messages = said(["text", "tool", "tool", "text", "text"]);
    const before = readRows(messages, null, noRows);
    const grown = readRows(messages.with(4, { ...aMessage(messages[4]), content: "more" }), null, before);
    expect(grown.rows.slice(0, 3)).toEqual(before.rows.slice(0, 3));
    expect(grown.rows.slice(0, 3).every((row, index) => row === before.rows[index])).toBe(true);
    expect(readRows(messages, null, before)).toBe(before);
  });

  it("keep a run's key when older calls join it in front, or newer ones behind", () => {
    const messages = said(["tool", "tool", "tool", "text"], 10);
    const before = readRows(messages.slice(1, 2), null, noRows);
    const key = before.rows[0]?.key;
    const joined = readRows(messages, null, readRows(messages.slice(1), null, before));
    expect(shape(joined)).toEqual([3, "text"]);
    expect(joined.rows[0]?.key).toBe(key);
  });

  it("are the same whether read at once or step by step, and hold each message once", () => {
    const kind = fc.constantFrom<MessageKind>("text", "tool", "tool", "thought");
    fc.assert(
      fc.property(fc.array(kind, { maxLength: 130 }), fc.array(fc.nat(130), { maxLength: 6 }), (kinds, cuts) => {
        const messages = said(kinds);
        let read = noRows;
        for (const cut of [...cuts.toSorted((a, b) => a - b), messages.length])
          read = readRows(messages.slice(0, cut), null, read);
        expect(all(read)).toEqual(messages);
        expect(shape(read)).toEqual(shape(readRows(messages, null, noRows)));
        expect(new Set(read.rows.map(({ key }) => key)).size).toBe(read.rows.length);
        for (const { position } of messages) {
          const row = read.rows[findRow(read.rows, position)];
          expect(row !== undefined && getFirstPosition(row) <= position && position <= getLastPosition(row)).toBe(true);
        }
        expect(findRow(read.rows, messages.length)).toBe(-1);
      }),
      { numRuns: 200 },
    );
  });
});
