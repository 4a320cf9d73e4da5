/** The usage of model calls, read from replies of each API: cut at every position, encoded, malformed, huge, aborted. */
import type { ModelApi, ModelUsage } from "@samovar/contracts";
import { describe, expect, it, test } from "vitest";
import { createReplyMeter } from "./reply-meter.ts";

const events = (...all: readonly (readonly [string | null, unknown])[]): string =>
  all
    .map(([name, data]) => {
      const text = typeof data === "string" ? data : JSON.stringify(data);
      return `${name === null ? "" : `event: ${name}\n`}data: ${text}\n\n`;
    })
    .join("");

const ANTHROPIC = events(
  [
    "message_start",
    {
      type: "message_start",
      message: {
        id: "msg_1",
        model: "claude-tea-5",
        usage: {
          input_tokens: 12,
          cache_creation_input_tokens: 300,
          cache_read_input_tokens: 4000,
          cache_creation: { ephemeral_5m_input_tokens: 300, ephemeral_1h_input_tokens: 0 },
          output_tokens: 1,
        },
      },
    },
  ],
  ["content_block_start", { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } }],
  ["ping", { type: "ping" }],
  [
    "content_block_delta",
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: 'Tee für 茶 🍵 "usage"' } },
  ],
  ["content_block_stop", { type: "content_block_stop", index: 0 }],
  ["message_delta", { type: "message_delta", delta: { stop_reason: "end_turn" }, usage: { output_tokens: 57 } }],
  ["message_stop", { type: "message_stop" }],
);

const RESPONSES = events(
  ["response.created", { type: "response.created", response: { id: "r", model: "gpt-tea", usage: null } }],
  ["response.output_text.delta", { type: "response.output_text.delta", delta: "Brewed 🍵" }],
  [
    "response.completed",
    {
      type: "response.completed",
      response: {
        model: "gpt-tea",
        usage: {
          input_tokens: 900,
          input_tokens_details: { cached_tokens: 640 },
          output_tokens: 77,
          output_tokens_details: { reasoning_tokens: 64 },
          total_tokens: 977,
        },
      },
    },
  ],
);

const CHAT = events(
  [
    null,
    {
      id: "c",
      object: "chat.completion.chunk",
      model: "gpt-tea",
      choices: [{ delta: { content: "Té" } }],
      usage: null,
    },
  ],
  [
    null,
    {
      id: "c",
      object: "chat.completion.chunk",
      model: "gpt-tea",
      choices: [{ delta: {}, finish_reason: "stop" }],
      usage: null,
    },
  ],
  [
    null,
    {
      id: "c",
      object: "chat.completion.chunk",
      model: "gpt-tea",
      choices: [],
      usage: {
        prompt_tokens: 50,
        completion_tokens: 9,
        total_tokens: 59,
        prompt_tokens_details: { cached_tokens: 20 },
      },
    },
  ],
  [null, "[DONE]"],
);

const gemini = (text: string, usage: object) => ({
  candidates: [{ content: { parts: [{ text }] } }],
  modelVersion: "gemini-tea-3",
  usageMetadata: usage,
});
const GEMINI_PARTS = [
  gemini("Tea", { promptTokenCount: 30, totalTokenCount: 31, candidatesTokenCount: 1 }),
  gemini(" 🍵", {
    promptTokenCount: 30,
    cachedContentTokenCount: 10,
    candidatesTokenCount: 8,
    thoughtsTokenCount: 5,
    toolUsePromptTokenCount: 2,
    totalTokenCount: 45,
  }),
];
const GEMINI = events(...GEMINI_PARTS.map((part) => [null, part] as const));

const counted = (model: string, ...[input, output, cacheRead, cacheWrite]: readonly number[]): ModelUsage => ({
  model,
  inputTokens: input ?? 0,
  outputTokens: output ?? 0,
  cacheReadTokens: cacheRead ?? 0,
  cacheWriteTokens: cacheWrite ?? 0,
});

interface Reply {
  readonly api: ModelApi;
  readonly path: string;
  readonly body: string;
  readonly type?: string;
  readonly encoding?: string;
  readonly status?: number;
}

const STREAM = "text/event-stream; charset=utf-8";

/** Each usage that is reported, for a reply in these pieces; undefined when the call is not metered at all. */
function meter(reply: Reply, pieces: readonly Buffer[]): readonly (ModelUsage | null)[] | undefined {
  const seen: (ModelUsage | null)[] = [];
  const head = { status: reply.status ?? 200, contentType: reply.type ?? STREAM, contentEncoding: reply.encoding };
  const open = createReplyMeter(reply, head, (usage) => seen.push(usage));
  if (open === null) return undefined;
  for (const piece of pieces) open.push(piece);
  open.end();
  open.end();
  return seen;
}

const whole = (reply: Reply) => meter(reply, [Buffer.from(reply.body)]);
const json = (value: unknown) => ({ body: JSON.stringify(value), type: "application/json" });

const REPLIES: readonly (readonly [string, Reply, ModelUsage])[] = [
  [
    "Anthropic's stream",
    { api: "anthropic", path: "/v1/messages?beta=true", body: ANTHROPIC },
    counted("claude-tea-5", 12, 57, 4000, 300),
  ],
  ["a Responses stream", { api: "openai", path: "/v1/responses", body: RESPONSES }, counted("gpt-tea", 260, 77, 640)],
  [
    "a Chat Completions stream",
    { api: "openai", path: "/v1/chat/completions", body: CHAT },
    counted("gpt-tea", 30, 9, 20),
  ],
  [
    "Gemini's stream",
    { api: "google", path: "/v1beta/models/tea:streamGenerateContent?alt=sse", body: GEMINI },
    counted("gemini-tea-3", 22, 13, 10),
  ],
  [
    "Gemini's list",
    { api: "google", path: "/v1beta/models/tea:streamGenerateContent", ...json(GEMINI_PARTS) },
    counted("gemini-tea-3", 22, 13, 10),
  ],
  [
    "Anthropic's whole reply",
    {
      api: "anthropic",
      path: "/v1/messages",
      ...json({
        type: "message",
        model: "claude-tea-5",
        usage: { input_tokens: 3, output_tokens: 4, cache_read_input_tokens: 5 },
      }),
    },
    counted("claude-tea-5", 3, 4, 5),
  ],
  [
    "a whole Response",
    {
      api: "openai",
      path: "/v1/responses",
      ...json({ object: "response", model: "gpt-tea", usage: { input_tokens: 8, output_tokens: 2 } }),
    },
    counted("gpt-tea", 8, 2),
  ],
  [
    "embeddings",
    {
      api: "openai",
      path: "/v1/embeddings",
      ...json({ object: "list", model: "tea-embed", usage: { prompt_tokens: 6, total_tokens: 6 } }),
    },
    counted("tea-embed", 6),
  ],
];

describe("[R51] the usage of a model call", () => {
  test.each(REPLIES)("is read from %s, wherever it is cut in two", (_, reply, usage) => {
    const bytes = Buffer.from(reply.body);
    for (let at = 0; at <= bytes.length; at++)
      expect(meter(reply, [bytes.subarray(0, at), bytes.subarray(at)]), `cut at ${at}`).toEqual([usage]);
  });

  test.each(REPLIES)("is read from %s, byte by byte", (_, reply, usage) => {
    expect(
      meter(
        reply,
        [...Buffer.from(reply.body)].map((byte) => Buffer.from([byte])),
      ),
    ).toEqual([usage]);
  });

  test.each(["\r\n", "\r"])("is read from events whose lines end with %j, wherever they are cut", (end) => {
    const bytes = Buffer.from(ANTHROPIC.replaceAll("\n", end));
    const reply: Reply = { api: "anthropic", path: "/v1/messages", body: "" };
    for (let at = 0; at <= bytes.length; at++)
      expect(meter(reply, [bytes.subarray(0, at), bytes.subarray(at)]), `cut at ${at}`).toEqual([
        counted("claude-tea-5", 12, 57, 4000, 300),
      ]);
  });

  it("is reported as soon as the reply has it, before the reply ends, and once", () => {
    const seen: (ModelUsage | null)[] = [];
    const head = { status: 200, contentType: STREAM, contentEncoding: undefined };
    const open = createReplyMeter({ api: "anthropic", path: "/v1/messages" }, head, (usage) => seen.push(usage));
    open?.push(Buffer.from(ANTHROPIC));
    expect(seen).toHaveLength(1);
    open?.push(Buffer.from(ANTHROPIC));
    open?.end();
    expect(seen).toHaveLength(1);
  });

  it("of an aborted reply is what was seen of it: the input, and the output so far", () => {
    const cut = ANTHROPIC.slice(0, ANTHROPIC.indexOf("event: message_delta"));
    expect(whole({ api: "anthropic", path: "/v1/messages", body: cut })).toEqual([
      counted("claude-tea-5", 12, 1, 4000, 300),
    ]);
    expect(
      whole({ api: "google", path: "/v1/models/tea:streamGenerateContent", body: events([null, GEMINI_PARTS[0]]) }),
    ).toEqual([counted("gemini-tea-3", 30, 1)]);
  });

  it.each<readonly [string, Reply]>([
    [
      "an aborted Response",
      {
        api: "openai",
        path: "/v1/responses",
        body: RESPONSES.slice(0, RESPONSES.indexOf("event: response.completed")),
      },
    ],
    [
      "a Chat Completions stream without `stream_options`",
      { api: "openai", path: "/v1/chat/completions", body: CHAT.replace(/data: [^\n]*"choices":\[\][^\n]*\n\n/, "") },
    ],
    ["a reply in another encoding", { api: "anthropic", path: "/v1/messages", body: ANTHROPIC, encoding: "gzip" }],
    ["a reply of another type", { api: "anthropic", path: "/v1/messages", body: ANTHROPIC, type: "text/plain" }],
    ["an empty reply", { api: "anthropic", path: "/v1/messages", body: "" }],
    [
      "malformed JSON",
      { api: "openai", path: "/v1/responses", body: '{"usage": {"input_tokens": 1', type: "application/json" },
    ],
    ["JSON of another shape", { api: "openai", path: "/v1/responses", ...json(["usage", 1, null]) }],
    ["usage that is a text", { api: "openai", path: "/v1/responses", ...json({ usage: "much" }) }],
  ])("is unknown, and counts as not metered, for %s", (_, reply) => {
    expect(whole(reply)).toEqual([null]);
  });

  it.each<readonly [string, Reply]>([
    ["counts tokens", { api: "anthropic", path: "/v1/messages/count_tokens", ...json({ input_tokens: 10 }) }],
    ["lists models", { api: "openai", path: "/v1/models", ...json({ data: [] }) }],
    ["counts Gemini's tokens", { api: "google", path: "/v1beta/models/tea:countTokens", ...json({ totalTokens: 1 }) }],
    [
      "was refused",
      { api: "anthropic", path: "/v1/messages", status: 529, ...json({ type: "error", usage: { input_tokens: 1 } }) },
    ],
  ])("is not asked for when the call %s", (_, reply) => {
    expect(whole(reply)).toBeUndefined();
  });

  it("passes over malformed events, and events too long to keep, and reads the others", () => {
    const long = `event: x\ndata: {"usage":{"output_tokens":9999,"x":"${"y".repeat(17 * 1024 * 1024)}"}}\n\n`;
    const body = `:${"c".repeat(17 * 1024 * 1024)}\n\n${events(["x", '{"usage":'])}${long}${ANTHROPIC}`;
    const bytes = Buffer.from(body);
    const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, i) =>
      bytes.subarray(i * 65_536, (i + 1) * 65_536),
    );
    expect(meter({ api: "anthropic", path: "/v1/messages", body }, pieces)).toEqual([
      counted("claude-tea-5", 12, 57, 4000, 300),
    ]);
  });

  it("is unknown for a whole reply too long to keep", () => {
    const part = Buffer.alloc(1024 * 1024, 32);
    const tail = Buffer.from('{"usage":{"input_tokens":1}}');
    const reply: Reply = { api: "openai", path: "/v1/responses", body: "", type: "application/json" };
    expect(meter(reply, [...Array.from({ length: 16 }, () => part), tail])).toEqual([null]);
  });

  it("has only whole, bounded numbers and a short name, whatever the reply says", () => {
    const usage = {
      input_tokens: -4,
      output_tokens: 2.5,
      cache_read_input_tokens: 1e300,
      cache_creation_input_tokens: "9",
    };
    expect(
      whole({ api: "anthropic", path: "/v1/messages", ...json({ model: `t\u0007${"x".repeat(500)}`, usage }) }),
    ).toEqual([counted(`t?${"x".repeat(198)}`, 0, 3, 1e12, 0)]);
  });
});
