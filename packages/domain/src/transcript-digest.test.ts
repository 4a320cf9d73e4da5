import type { MessageId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FinishedMessage, hashMessage, digestTranscript } from "./transcript-digest.ts";

const leaf = (message: FinishedMessage) => hashMessage(message, sha256);

const tool = fc.record(
  {
    toolCallId: fc.string(),
    tool: fc.constantFrom("execute", "edit"),
    title: fc.string(),
    target: fc.option(fc.string()),
    status: fc.constantFrom("success" as const, "error" as const),
    input: fc.string(),
    output: fc.string(),
    exitCode: fc.option(fc.integer()),
  },
  { requiredKeys: ["toolCallId", "tool", "title", "target", "status"] },
);

const message: fc.Arbitrary<FinishedMessage> = fc.record({
  messageId: fc.uuid().map((id) => id as MessageId),
  role: fc.constantFrom("assistant" as const, "tool" as const, "system" as const),
  kind: fc.constantFrom("text" as const, "tool" as const, "notice" as const),
  content: fc.string(),
  toolMetadata: fc.option(tool),
  interrupted: fc.boolean(),
  truncated: fc.option(fc.record({ bytes: fc.nat(), sha256: fc.string() })),
});

/** The same object with its keys the other way round, as another parser may give it. */
function turnedRound<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toReversed()
      .map(([key, field]) => [key, turnedRound(field)]),
  ) as T;
}

describe("[M2] the transcript's digest", () => {
  test("does not depend on the order of an object's fields, nor on fields that are absent or undefined", () => {
    fc.assert(
      fc.property(message, (one) => {
        expect(leaf(turnedRound(one))).toBe(leaf(one));
        const padded = { ...one, toolMetadata: one.toolMetadata && { ...one.toolMetadata, diffs: undefined } };
        expect(leaf(padded)).toBe(leaf(one));
      }),
    );
  });

  test("differs for any two transcripts that differ in a message, in their order or in their number", () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 6 }), fc.array(message, { maxLength: 6 }), (a, b) => {
        const [first, second] = [a, b].map((each) => digestTranscript(each.map(leaf), sha256));
        expect(first?.digest === second?.digest).toBe(a.map(leaf).join() === b.map(leaf).join());
        expect(first?.count).toBe(a.length);
      }),
    );
  });

  test("moves with each field of a message", () => {
    fc.assert(
      fc.property(message, (one) => {
        const changed: FinishedMessage[] = [
          { ...one, content: `${one.content}.` },
          { ...one, interrupted: !one.interrupted },
          { ...one, role: one.role === "tool" ? "assistant" : "tool" },
          { ...one, kind: one.kind === "text" ? "notice" : "text" },
          { ...one, truncated: one.truncated === null ? { bytes: 1, sha256: "" } : null },
          { ...one, messageId: `${one.messageId}0` as MessageId },
        ];
        expect(new Set([one, ...changed].map(leaf)).size).toBe(changed.length + 1);
      }),
    );
  });
});
