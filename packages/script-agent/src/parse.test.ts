import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDuration, parseScript } from "./parse.ts";

const steps = (prompt: string) => {
  const script = parseScript(prompt);
  return script.kind === "steps" ? script.steps : script;
};

describe("reading a script", () => {
  it("finds the steps in order and ignores prose and other languages", () => {
    const prompt = [
      "Fix it please.",
      "```ts",
      "const a = 1;",
      "```",
      "```write src/a b.txt",
      "one",
      "",
      "two",
      "```",
      "Then:",
      "```sh timeout=1.5s continue",
      "npm test",
      "```",
      "```say",
      "All good.",
      "```",
    ].join("\n");
    expect(steps(prompt)).toEqual([
      { kind: "write", path: "src/a b.txt", text: "one\n\ntwo\n" },
      { kind: "sh", command: "npm test", timeoutMs: 1500, onFailure: "continue", ask: false },
      { kind: "say", text: "All good." },
    ]);
  });

  it("distinguishes a background command from others, and a crash that happens once", () => {
    expect(
      steps("```background\nsleep 2\n```\n```crash once no water```\n```crash once upon```\n```crash```"),
    ).toMatchObject([
      { kind: "background", command: "sleep 2" },
      { kind: "crash", reason: "no water", once: true },
      { kind: "crash", reason: "upon", once: true },
      { kind: "crash", once: false },
    ]);
    expect(steps("```background sleep 2```")).toMatchObject({ kind: "malformed" });
  });

  it("takes short steps on one line, and a body in the place of an operand", () => {
    expect(
      steps("```wait 500ms```\n```stream 12 every=5ms\n```\n```wait\n2s\n```\n```fail no luck```\n```hang```"),
    ).toEqual([
      { kind: "wait", durationMs: 500 },
      { kind: "stream", words: 12, everyMs: 5 },
      { kind: "wait", durationMs: 2000 },
      { kind: "fail", reason: "no luck" },
      { kind: "hang" },
    ]);
  });

  it("lets a longer fence hold shorter ones", () => {
    expect(steps("````write README.md\n```sh\nls\n```\n````")).toEqual([
      { kind: "write", path: "README.md", text: "```sh\nls\n```\n" },
    ]);
  });

  it("reads a checklist", () => {
    expect(steps("```plan\n- [x] look\n- [ ] change\n* test\n```")).toEqual([
      {
        kind: "plan",
        entries: [
          { content: "look", done: true },
          { content: "change", done: false },
          { content: "test", done: false },
        ],
      },
    ]);
  });

  it("says none for a prompt without steps", () => {
    expect(parseScript("Please add a feature.\n```js\n1\n```")).toEqual({ kind: "none" });
  });

  it.each([
    ["```sh\nls", 1, /never closed/],
    ["text\n```sh\n\n```", 2, /no command/],
    ["```sh timeout=soon\nls\n```", 1, /does not know "timeout=soon"/],
    ["```write\nx\n```", 1, /needs the file's path/],
    ["```wait a while```", 1, /needs a duration/],
    ["```wait 500ms\n```sh\nls\n```", 1, /needs a duration/],
    ["```wait 2000m```", 1, /an hour at most/],
    ["```stream lots```", 1, /number of words/],
    ["```stream 900000```", 1, /100000 words at most/],
    ["```plan\nnot an entry\n```", 1, /no entry: "not an entry"/],
    ["```hang\n```sh\nls\n```", 1, /closing fence missing/],
    ["```say\n```", 1, /no text/],
  ])("says what is wrong with %j", (prompt, line, message) => {
    const script = parseScript(prompt);
    expect(script).toMatchObject({ kind: "malformed", faults: [{ line }] });
    expect(script.kind === "malformed" ? script.faults[0]?.message : "").toMatch(message);
  });

  it("refuses a script that is too long", () => {
    expect(parseScript("```say x```\n".repeat(1_001))).toMatchObject({ kind: "malformed" });
  });

  it("brings back any text written with a fence that is long enough", () => {
    const line = fc.string({ unit: fc.constantFrom("a", " ", "`", "~", "#", "é", "🫖") });
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), (lines) => {
        const longest = Math.max(2, ...lines.flatMap((text) => (text.match(/`+/g) ?? [""]).map((run) => run.length)));
        const fence = "`".repeat(longest + 1);
        const body = lines.join("\n");
        fc.pre(body !== "");
        expect(steps(`${fence}write f\n${body}\n${fence}`)).toEqual([{ kind: "write", path: "f", text: `${body}\n` }]);
      }),
    );
  });

  it("never throws, whatever the prompt", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("`", "\n", "sh", "wait ", "- ", "x", "1", "~") }),
        (text) => void parseScript(text),
      ),
    );
  });

  it("reads durations", () => {
    expect(["500ms", "2s", "0.25s", "3m", "5", "-1s", "1h"].map(parseDuration)).toEqual([
      500,
      2000,
      250,
      180_000,
      null,
      null,
      null,
    ]);
  });
});
