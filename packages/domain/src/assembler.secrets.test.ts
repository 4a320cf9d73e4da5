/** Secrets in what an agent sends, wherever it appears in the transcript. */
import { idSource, systemRandom } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { LIMITS } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AssemblerPorts, AssemblerState } from "./assembler.ts";
import { assemble, countRedactions, emptyAssembler, finalizeMessages } from "./assembler.ts";
import type { EmittedMessage } from "./emitted-message.ts";
import type { RunningHash } from "./growing-text.ts";
import { SecretRedactor } from "./secret-redactor.ts";

const KEY = "canary-of/the+kettle";
const ENCODED = Buffer.from(KEY).toString("base64");
const hashOf = (text: string): RunningHash => ({ append: (more) => hashOf(text + more), hex: () => sha256(text) });
const ids = idSource({ now: () => 0 }, systemRandom);
const ports: AssemblerPorts = {
  cwd: "/checkout",
  messageId: () => ids.messageId(),
  sha256,
  emptyHash: hashOf(""),
  redactor: new SecretRedactor([KEY]),
};

/** The messages as they were last, in the order of their first appearance, and all that was ever shown. */
function record(updates: readonly unknown[], how: "ended" | "broken" = "ended") {
  const last = new Map<string, EmittedMessage>();
  const shown: EmittedMessage[] = [];
  let state: AssemblerState = emptyAssembler;
  const keep = (step: { state: AssemblerState; changes: readonly EmittedMessage[] }) => {
    state = step.state;
    shown.push(...step.changes);
    for (const change of step.changes) last.set(change.messageId, change);
  };
  for (const update of updates) keep(assemble(state, update, 1, ports));
  keep(finalizeMessages(state, how, ports));
  return { messages: [...last.values()], shown, state };
}

const text = (words: string, messageId?: string) => ({
  sessionUpdate: "agent_message_chunk",
  content: { type: "text", text: words },
  messageId,
});
const tool = (fields: object) => ({ sessionUpdate: "tool_call", toolCallId: "t", title: "Run", ...fields });
const patch = (fields: object) => ({ sessionUpdate: "tool_call_update", toolCallId: "t", ...fields });
const output = (words: string) => [{ type: "content", content: { type: "text", text: words } }];
const streamed = (data: string) => ({ _meta: { terminal_output_delta: { data } } });

describe("[security 32] a secret that an agent prints", () => {
  it.each([
    ["a text", [text(`It is ${KEY}.`)]],
    ["a thought", [{ ...text(`It is ${KEY}.`), sessionUpdate: "agent_thought_chunk" }]],
    ["a plan", [{ sessionUpdate: "plan", entries: [{ content: `use ${KEY}` }] }]],
    ["a tool's title", [tool({ title: `echo ${KEY}` })]],
    ["a tool's name", [tool({ name: `mcp ${KEY}` })]],
    ["a location", [tool({ locations: [{ path: `/checkout/${KEY}` }] })]],
    ["a tool's input", [tool({ rawInput: { command: [`echo "${KEY}"`] } })]],
    ["a name in a tool's input", [tool({ rawInput: { [KEY]: 1 } })]],
    [
      "a wrapped encoding in a tool's input",
      [tool({ rawInput: { text: `${ENCODED.slice(0, 9)}\n${ENCODED.slice(9)}` } })],
    ],
    ["a tool's output", [tool({}), patch({ content: output(`key=${KEY}`), status: "completed" })]],
    ["a raw output", [tool({}), patch({ rawOutput: { stdout: KEY }, status: "failed" })]],
    ["the old text of a diff", [tool({ content: [{ type: "diff", path: "a", oldText: KEY, newText: "" }] })]],
    ["the new text of a diff", [tool({ content: [{ type: "diff", path: "a", oldText: null, newText: ENCODED }] })]],
    ["the path of a diff", [tool({ content: [{ type: "diff", path: KEY, oldText: null, newText: "" }] })]],
    ["streamed output", [tool({}), patch(streamed(KEY.slice(0, 7))), patch(streamed(KEY.slice(7)))]],
    ["a resource's name", [{ ...text(""), content: { type: "resource_link", name: KEY, uri: "x" } }]],
  ] satisfies readonly (readonly [string, readonly unknown[]])[])("is redacted in %s", (_where, updates) => {
    const { shown, messages, state } = record(updates);
    expect(JSON.stringify(shown)).not.toContain(KEY);
    expect(JSON.stringify(shown)).not.toContain(ENCODED.slice(0, 9));
    expect(JSON.stringify(messages)).toContain("[redacted]");
    expect(countRedactions(state)).toBeGreaterThan(0);
  });

  it("is redacted however its text is split, and the text that follows is complete at its end", () => {
    const words = `It is ${KEY}, or in base64 ${ENCODED}, or can`;
    fc.assert(
      fc.property(fc.array(fc.nat({ max: words.length })), fc.constantFrom("a", undefined), (cuts, id) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), words.length];
        const chunks = at.slice(1).map((end, index) => text(words.slice(at[index], end), id));
        const { messages, shown, state } = record(chunks, "broken");
        expect(messages.map(({ content }) => content)).toEqual([
          expect.stringMatching(/^It is \[redacted\], or in base64 \[redacted\]=*, or can$/),
        ]);
        expect(state.lastText).toBe(messages[0]?.content);
        expect(JSON.stringify(shown)).not.toMatch(/kettle|0aGUra2V0d/);
        expect(countRedactions(state)).toBe(2);
      }),
    );
  });

  it("counts once, although a tool call shows it again with each update", () => {
    const title = { title: `echo ${KEY}` };
    const { state } = record([
      tool(title),
      patch({ status: "in_progress" }),
      patch({ content: output("a") }),
      text("b"),
    ]);
    expect(countRedactions(state)).toBe(1);
  });

  it("leaves no part of itself where a message is cut", () => {
    const nearLimit = "x".repeat(LIMITS.messageMaxContentBytes - 9);
    const { messages } = record([
      text(`${nearLimit}${KEY}`),
      tool(streamed("y".repeat(24 * 1024 - 9))),
      patch(streamed(`${KEY}${"z".repeat(30_000)}`)),
    ]);
    expect(messages).toMatchObject([{ truncated: { bytes: nearLimit.length + 10 } }, { truncated: null }]);
    expect(JSON.stringify(messages)).not.toMatch(/canary|kettle/);
  });
});

it("shows the rest of a streamed output that may have begun a secret when its call ends or is interrupted", () => {
  for (const end of [[patch({ status: "completed" })], []]) {
    const { messages } = record([tool({}), patch(streamed("a can")), ...end]);
    expect(messages).toMatchObject([{ toolMetadata: { output: "a can" } }]);
  }
});
