import { idSource } from "@samovar/base";
import type { MessageId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { LIMITS, toolMetadata } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AssemblerPorts, AssemblerState } from "./assembler.ts";
import type { EmittedMessage } from "./emitted-message.ts";
import { assemble, emptyAssembler, finalizeMessages, hasOpenTools } from "./assembler.ts";
import type { RunningHash } from "./growing-text.ts";
import { SecretRedactor } from "./secret-redactor.ts";
import { jsonBytes, utf8Bytes } from "./text-limits.ts";

const hashOf = (text: string): RunningHash => ({ append: (more) => hashOf(text + more), hex: () => sha256(text) });

function counter(): AssemblerPorts {
  let made = 0;
  const bytes = (length: number) =>
    new Uint8Array(length)
      .fill(0)
      .map((_, i) => (i === length - 1 ? made & 255 : i === length - 2 ? (made >> 8) & 255 : 0));
  const ids = idSource({ now: () => 0 }, { next: () => 0, bytes: (length) => (made++, bytes(length)) });
  const redactor = new SecretRedactor([]);
  return { cwd: "/checkout", messageId: () => ids.messageId(), sha256, emptyHash: hashOf(""), redactor };
}

/** Feeds updates and keeps each message as it last was, in the order of its first appearance. */
function say(updates: readonly unknown[], end?: "ended" | "broken") {
  const ports = counter();
  const said = new Map<MessageId, EmittedMessage>();
  const seen: EmittedMessage[] = [];
  let state: AssemblerState = emptyAssembler;
  const keep = (step: { state: AssemblerState; changes: readonly EmittedMessage[] }) => {
    state = step.state;
    for (const change of step.changes) {
      expect(said.get(change.messageId)?.final ?? false).toBe(false);
      said.set(change.messageId, change);
      seen.push(change);
    }
  };
  for (const update of updates) keep(assemble(state, update, 1, ports));
  if (end !== undefined) keep(finalizeMessages(state, end, ports));
  return { messages: [...said.values()], seen, state };
}

const text = (words: string, messageId?: string) => ({
  sessionUpdate: "agent_message_chunk",
  content: { type: "text", text: words },
  messageId,
});
const thought = (words: string, messageId?: string) => ({
  ...text(words, messageId),
  sessionUpdate: "agent_thought_chunk",
});
const tool = (toolCallId: string, more: object = {}) => ({
  sessionUpdate: "tool_call",
  toolCallId,
  title: "Run",
  ...more,
});
const patch = (toolCallId: string, more: object) => ({ sessionUpdate: "tool_call_update", toolCallId, ...more });
const plan = (...steps: string[]) => ({
  sessionUpdate: "plan",
  entries: steps.map((content) => ({ content, priority: "high", status: "pending" })),
});
const contentOf = (messages: readonly EmittedMessage[]) =>
  messages.map((message) => [message.kind, message.content, message.final]);

describe("texts", () => {
  it("[R3] chunks of one id grow one message, whatever comes between", () => {
    const { messages } = say([text("Hel", "a"), tool("t"), text("lo", "a")], "ended");
    expect(contentOf(messages)).toEqual([
      ["text", "Hello", true],
      ["tool", "Run", true],
    ]);
  });

  it("another id begins another message, and the one before is final", () => {
    const { messages } = say([text("one", "a"), text("two", "b")]);
    expect(contentOf(messages)).toEqual([
      ["text", "one", true],
      ["text", "two", false],
    ]);
  });

  it("thought and text of the same id are two messages", () => {
    const { messages } = say([thought("hm", "a"), text("yes", "a"), thought("m", "a")]);
    expect(messages.map((message) => message.content)).toEqual(["hmm", "yes"]);
  });

  it("without ids a run ends where another kind begins, but not at usage or news that says nothing", () => {
    const usage = { sessionUpdate: "usage_update", used: 10, size: 100, cost: { amount: 0.5, currency: "USD" } };
    const { messages, state } = say([
      text("a"),
      usage,
      { sessionUpdate: "session_info_update" },
      text("b"),
      plan("x"),
      text("c"),
    ]);
    expect(contentOf(messages)).toEqual([
      ["text", "ab", true],
      ["plan", expect.any(String), false],
      ["text", "c", false],
    ]);
    expect(state.usage?.usage).toEqual({ contextUsed: 10, contextSize: 100, cost: { amount: 0.5, currency: "USD" } });
    expect(state.lastText).toBe("c");
  });

  it("a person's echoed words are not stored again, and end the run", () => {
    const { messages } = say([text("a"), { ...text("me"), sessionUpdate: "user_message_chunk" }, text("b")]);
    expect(messages.map((message) => message.content)).toEqual(["a", "b"]);
  });

  it("a code point that is cut over two chunks stays whole; half of one alone becomes U+FFFD", () => {
    const { messages, seen } = say([text("a\ud83e", "a"), text("\uded6b\0\ud83e", "a")], "ended");
    expect(messages[0]?.content).toBe("a\u{1fad6}b\u2400\ufffd");
    expect(seen.every((message) => message.content.isWellFormed())).toBe(true);
  });

  it("[F36] a text over the limit is cut at a whole code point and marked with size and hash of everything said", () => {
    const whole = "\u{1fad6}".repeat(60_000);
    const { messages, seen } = say(
      [text(`x${whole.slice(0, 100_000)}`, "a"), text(whole.slice(100_000), "a"), text("tail", "a")],
      "ended",
    );
    const [message] = messages;
    expect(utf8Bytes(message?.content ?? "")).toBeLessThanOrEqual(LIMITS.messageMaxContentBytes);
    expect(utf8Bytes(message?.content ?? "")).toBeGreaterThan(LIMITS.messageMaxContentBytes - 4);
    expect(message?.truncated).toEqual({ bytes: 240_005, sha256: sha256(`x${whole}tail`) });
    expect(seen.length).toBe(3);
  });
});

describe("tool calls", () => {
  it("[R3] absent is not cleared: a later update keeps title, input and output", () => {
    const { messages } = say([
      tool("t", {
        title: "Run tests",
        kind: "execute",
        rawInput: { command: "npm test" },
        locations: [{ path: "/w/a.js" }],
      }),
      patch("t", { status: "in_progress", content: [{ type: "content", content: { type: "text", text: "ok" } }] }),
      patch("t", { status: "completed", title: null, rawOutput: { exitCode: 0 } }),
    ]);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({
      role: "tool",
      kind: "tool",
      content: "Run tests",
      final: true,
      interrupted: false,
    });
    expect(messages[0]?.toolMetadata).toEqual({
      toolCallId: "t",
      tool: "execute",
      title: "Run tests",
      target: "/w/a.js",
      status: "success",
      input: '{"command":"npm test"}',
      output: "ok",
      exitCode: 0,
    });
  });

  it("paths inside the checkout are shown relative to it, others in full", () => {
    const diff = { type: "diff", path: "/checkout/src/a.js", oldText: null, newText: "a" };
    const { messages } = say([
      tool("t", { title: "Write /checkout/src/a.js", locations: [{ path: "/checkout/src/a.js" }], content: [diff] }),
      tool("u", { title: "Read", locations: [{ path: "/etc/hosts" }] }),
      tool("v", { title: "cat '/checkout/a' /mnt/checkout/b", locations: [{ path: "/mnt/checkout/b" }] }),
    ]);
    const [inside, outside, alike] = messages.map((message) => message.toolMetadata);
    expect(alike).toMatchObject({ title: "cat 'a' /mnt/checkout/b", target: "/mnt/checkout/b" });
    expect(inside).toMatchObject({ title: "Write src/a.js", target: "src/a.js", diffs: [{ path: "src/a.js" }] });
    expect(outside).toMatchObject({ target: "/etc/hosts" });
  });

  it("content replaces; diffs are kept with both texts; raw output counts only where there is nothing else", () => {
    const diff = { type: "diff", path: "a.js", oldText: null, newText: "1" };
    const { messages } = say([
      tool("t", { content: [{ type: "content", content: { type: "text", text: "old" } }] }),
      patch("t", { content: [diff, { type: "unheard_of" }], rawOutput: "raw" }),
      tool("u", { rawOutput: "raw" }),
    ]);
    expect(messages[0]?.toolMetadata).toEqual({
      toolCallId: "t",
      tool: "other",
      title: "Run",
      status: "pending",
      target: "a.js",
      diffs: [{ path: "a.js", oldText: null, newText: "1" }],
    });
    expect(messages[1]?.toolMetadata?.output).toBe("raw");
  });

  it("news for a call that is over is kept out; news for one never begun begins it", () => {
    const { messages } = say([
      tool("t"),
      patch("t", { status: "failed" }),
      patch("t", { title: "late" }),
      patch("u", { title: "U" }),
    ]);
    expect(messages.map((message) => message.toolMetadata?.title)).toEqual(["Run", "U"]);
  });

  it("an update that changes nothing is no change", () => {
    const { seen } = say([tool("t"), patch("t", {}), patch("t", { _meta: { x: 1 } }), patch("t", { status: "odd" })]);
    expect(seen).toHaveLength(1);
  });

  it("output that is streamed beside the content is joined, with the exit code of its end", () => {
    const chunk = (data: string) => ({ _meta: { terminal_output_delta: { data, terminal_id: "t" } } });
    const { messages } = say([
      tool("t", { status: "in_progress" }),
      patch("t", chunk("one ")),
      patch("t", { _meta: { terminal_output: { data: "two", terminal_id: "t" } } }),
      patch("t", { status: "failed", _meta: { terminal_exit: { exit_code: 3, signal: null, terminal_id: "t" } } }),
    ]);
    expect(messages[0]?.toolMetadata).toMatchObject({ output: "one two", exitCode: 3, status: "error" });
  });

  it("[F36] of much that is streamed both ends are shown", () => {
    const chunks = Array.from({ length: 60 }, (_, n) =>
      patch("t", { _meta: { terminal_output_delta: { data: `line ${n} ${"x".repeat(4000)}\n` } } }),
    );
    const { messages } = say([tool("t"), ...chunks, patch("t", { status: "completed" })]);
    const output = messages[0]?.toolMetadata?.output ?? "";
    expect([output.includes("line 0 "), output.includes("line 59 "), output.includes("line 30 ")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(messages[0]?.toolMetadata?.truncated).toBe(true);
  });

  it("[F36] 5 MB of output is cut to fit, with its start and end, and marked", () => {
    const output = `start ${"\u001b[31m\n".repeat(1_000_000)} end`;
    const { messages } = say([
      tool("t", {
        status: "completed",
        rawInput: { small: 1 },
        content: [{ type: "content", content: { type: "text", text: output } }],
      }),
    ]);
    const [message] = messages;
    expect(jsonBytes(message?.toolMetadata)).toBeLessThanOrEqual(LIMITS.toolMetadataMaxBytes);
    expect(jsonBytes(message?.toolMetadata)).toBeGreaterThan(LIMITS.toolMetadataMaxBytes * 0.9);
    expect(message?.toolMetadata).toMatchObject({ truncated: true, input: '{"small":1}' });
    expect(message?.toolMetadata?.output).toMatch(/^start [\s\S]*… \d+ bytes cut …[\s\S]* end$/);
    expect(message?.truncated?.bytes).toBeGreaterThan(5_000_000);
  });
});

describe("plans and ends", () => {
  it("a plan is one message, replaced, and said again only when it differs", () => {
    const { messages, seen } = say([plan("a"), plan("a"), plan("a", "b")], "ended");
    expect(JSON.parse(messages[0]?.content ?? "")).toEqual([
      { content: "a", status: "pending", priority: "high" },
      { content: "b", status: "pending", priority: "high" },
    ]);
    expect(seen.map((message) => message.final)).toEqual([false, false, true]);
  });

  it("[F39] a late update of a call that was closed when its agent died makes no second message", () => {
    const ports = counter();
    const begun = assemble(emptyAssembler, tool("t1", { status: "in_progress" }), 1, ports);
    const closed = finalizeMessages(begun.state, "broken", ports);
    expect(closed.changes).toMatchObject([{ kind: "tool", final: true, interrupted: true }]);
    const late = assemble(closed.state, patch("t1", { status: "failed" }), 2, ports);
    expect(late.changes).toEqual([]);
  });

  it("[F39] when the agent dies, only what was in flight is interrupted", () => {
    const { messages, state } = say([thought("hm", "a"), tool("t"), text("half", "a")], "broken");
    expect(messages.map((message) => [message.kind, message.final, message.interrupted])).toEqual([
      ["thought", true, false],
      ["tool", true, true],
      ["text", true, true],
    ]);
    expect(hasOpenTools(state)).toBe(false);
  });

  it("a text that a tool call followed was not in flight", () => {
    const { messages } = say([text("I will run it", "a"), tool("t")], "broken");
    expect(messages.map((message) => message.interrupted)).toEqual([false, true]);
  });

  it.each([
    null,
    7,
    "x",
    [],
    {},
    { sessionUpdate: "agent_message_chunk" },
    { sessionUpdate: "plan", entries: 3 },
    { sessionUpdate: "tool_call" },
    text(""),
  ])("what cannot be read does no harm: %j", (update) => {
    expect(say([text("a"), update, text("b")]).messages.map((message) => message.content)).toEqual(["ab"]);
  });
});

/** Halves of code points may be joined or replaced where messages split; the rest must be the same. */
const sound = (words: string) => words.replaceAll("\0", "\u2400").replaceAll(/\ud83e|\uded6|\ufffd/g, "");

const plain = (messages: readonly EmittedMessage[], kind: string) =>
  sound(
    messages
      .filter((message) => message.kind === kind)
      .map((message) => message.content)
      .join(""),
  );
const plainSaid = (updates: readonly unknown[], of: "text" | "thought") =>
  sound(
    updates
      .filter(
        (update) =>
          update instanceof Object &&
          "sessionUpdate" in update &&
          update.sessionUpdate === (of === "text" ? "agent_message_chunk" : "agent_thought_chunk"),
      )
      .map((update) => (update as ReturnType<typeof text>).content.text)
      .join(""),
  );

describe("[R3] model", () => {
  const id = fc.constantFrom("a", "b", undefined);
  const words = fc.string({
    unit: fc.constantFrom("x", "\u{1fad6}", "\ud83e", "\uded6", "\0", "\n"),
    minLength: 1,
    maxLength: 6,
  });
  const update = fc.oneof(
    fc
      .record({ of: fc.constantFrom("text", "thought"), id, words })
      .map(({ of, id, words }) => (of === "text" ? text(words, id) : thought(words, id))),
    fc
      .record({
        id: fc.constantFrom("t", "u"),
        status: fc.constantFrom("pending", "in_progress", "completed", "failed"),
      })
      .map(({ id, status }) => patch(id, { status })),
    fc.constantFrom("t", "u").map((id) => tool(id)),
    fc.constant(plan("p")),
    fc.constant({ sessionUpdate: "usage_update", used: 1 }),
    fc.anything(),
  );

  it("every word is said once, in order; messages only grow at their end; nothing changes after final", () => {
    fc.assert(
      fc.property(
        fc.array(update, { maxLength: 40 }),
        fc.constantFrom("ended" as const, "broken" as const),
        (updates, how) => {
          const { messages, seen } = say(updates, how);
          expect(messages.every((message) => message.final)).toBe(true);
          const grown = new Map<MessageId, string>();
          for (const message of seen) {
            if (message.kind === "text" || message.kind === "thought")
              expect(message.content.startsWith(grown.get(message.messageId) ?? "")).toBe(true);
            if (message.toolMetadata !== null) toolMetadata.parse(message.toolMetadata);
            grown.set(message.messageId, message.content);
          }
          for (const which of ["text", "thought"] as const)
            expect(plain(messages, which)).toBe(plainSaid(updates, which));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
