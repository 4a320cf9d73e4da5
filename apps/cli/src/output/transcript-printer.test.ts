import type { MessageView, ToolMetadata } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { message, createRecordingTerminal } from "./recording.testing.ts";
import { TranscriptPrinter } from "./transcript-printer.ts";

const tool = (fields: Partial<ToolMetadata> = {}): Partial<MessageView> => ({
  role: "tool",
  kind: "tool",
  final: false,
  toolMetadata: {
    toolCallId: "t",
    tool: "sh",
    title: "npm test",
    target: null,
    status: "running",
    input: '{"command":"npm test"}',
    ...fields,
  },
});

const plan = (status: string) => JSON.stringify([{ content: "look", status }]);

function printed(...steps: readonly MessageView[]): string {
  const terminal = createRecordingTerminal();
  const printer = new TranscriptPrinter(terminal);
  for (const step of steps) printer.show(step);
  printer.finish();
  return terminal.out();
}

describe("printing a transcript", () => {
  it("streams text as it grows and prints nothing twice", () => {
    const first = message(0, { content: "One ", final: false });
    const grown = { ...first, content: "One two\nthree", revision: 2 };
    expect(printed(first, first, grown, { ...grown, revision: 3, final: true })).toBe("\nAgent\n  One two\n  three\n");
  });

  it("shows hidden characters in what an agent wrote, wherever it is printed [security 31]", () => {
    const hidden = "a\u202eb\u200bc";
    const shown = "a⟨U+202E⟩b⟨U+200B⟩c";
    const output = printed(
      message(0, { content: hidden }),
      message(1, { ...tool({ status: "error", title: hidden, output: hidden, exitCode: 1 }), final: true }),
      message(2, { kind: "plan", content: JSON.stringify([{ content: hidden, status: "pending" }]) }),
    );
    expect(output).not.toMatch(/[\u202e\u200b]/);
    expect(output.split(shown)).toHaveLength(5);
  });

  it("prints in the order of positions when a later message arrives first", () => {
    const early = message(0, { content: "first", final: false });
    expect(printed(early, message(1, { content: "second" }), { ...early, revision: 2, final: true })).toBe(
      "\nAgent\n  first\n\nAgent\n  second\n",
    );
  });

  it("prints a tool call when it starts and its result when it ends", () => {
    const running = message(0, tool());
    const ended = {
      ...running,
      ...tool({ status: "error", output: "one\ntwo\n", exitCode: 3 }),
      revision: 2,
      final: true,
    };
    expect(printed(running, ended)).toBe("\n▸ npm test\n  one\n  two\n  ✗ exit code 3\n");
  });

  it("holds back the title of a call whose input has not arrived", () => {
    const pending = message(0, tool({ status: "pending", title: "Terminal", input: "{}" }));
    const ended = { ...pending, ...tool({ status: "success", title: "ls" }), revision: 2, final: true };
    expect(printed(pending, ended)).toBe("\n▸ ls\n");
  });

  it("repeats a call's title when other messages came between its start and its end", () => {
    const running = message(0, tool());
    const ended = { ...running, ...tool({ status: "success", output: "ok" }), revision: 2, final: true };
    expect(printed(running, message(1, { content: "meanwhile" }), ended)).toBe(
      "\n▸ npm test\n\nAgent\n  meanwhile\n\n▸ npm test\n  ok\n",
    );
  });

  it("prints a file's diff, and cuts long output", () => {
    const diff = { path: "/w/a.txt", oldText: "a\nb\nc\nd\n", newText: "a\nB\nc\nD\n" };
    expect(
      printed(message(0, { ...tool({ status: "success", title: "Write a.txt", diffs: [diff] }), final: true })),
    ).toBe("\n▸ Write a.txt\n  +2 −2\n  - b\n  + B\n  - d\n  + D\n");
    const output = Array.from({ length: 40 }, (_, line) => `line ${line}`).join("\n");
    const long = printed(message(0, { ...tool({ status: "success", output }), final: true }));
    expect(long).toContain("… 28 earlier lines");
    expect(long).toContain("line 39");
    expect(long).not.toContain("line 27\n");
  });

  it("prints a plan once, then each completed entry after the message that completed it", () => {
    const first = message(0, { kind: "plan", content: plan("in_progress"), final: false });
    const same = { ...first, revision: 2 };
    const done = { ...first, content: plan("completed"), revision: 3, final: true };
    const running = message(1, tool());
    const ended = { ...running, ...tool({ status: "success", output: "ok" }), revision: 2, final: true };
    expect(printed(first, same, running, done, ended, message(2, { content: "x" }), { ...done, revision: 4 })).toBe(
      "\nPlan\n  ▸ look\n\n▸ npm test\n  ok\n\n✓ look\n\nAgent\n  x\n",
    );
  });

  it("marks an interrupted message", () => {
    expect(printed(message(0, { content: "half a", final: false, interrupted: true }))).toBe(
      "\nAgent\n  half a [interrupted]\n",
    );
  });

  it("prints each text completely, once and in order, however updates arrive", () => {
    const texts = fc.array(fc.string({ minLength: 1, unit: fc.constantFrom("a", "b", " ", "é") }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(texts, fc.array(fc.nat(), { maxLength: 40 }), (contents, turns) => {
        const messages = contents.map((content, position) =>
          message(position, { content, final: true, revision: content.length + 1 }),
        );
        const lengths = contents.map(() => 0);
        let arrived = 0;
        const terminal = createRecordingTerminal();
        const printer = new TranscriptPrinter(terminal);
        for (const turn of turns) {
          // A message arrives for the first time only after the one before it.
          const position = turn % Math.min(contents.length, arrived + 1);
          arrived = Math.max(arrived, position + 1);
          const whole = messages[position];
          if (whole === undefined) continue;
          const length = Math.min(whole.content.length, (lengths[position] ?? 0) + 1);
          lengths[position] = length;
          printer.show({ ...whole, content: whole.content.slice(0, length), revision: length, final: false });
        }
        for (const whole of messages) printer.show(whole);
        printer.finish();
        expect(terminal.out()).toBe(contents.map((content) => `\nAgent\n  ${content}\n`).join(""));
      }),
    );
  });
});
