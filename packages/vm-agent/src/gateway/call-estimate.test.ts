import { expect, test } from "vitest";
import { estimateCall } from "./call-estimate.ts";

const estimate = (path: string, body: unknown) => estimateCall(path, Buffer.from(JSON.stringify(body)));

test.for([
  ["Messages", "/v1/messages", { model: "claude-tea", max_tokens: 8 }, "claude-tea", 8],
  ["Responses", "/v1/responses", { model: "gpt-tea", max_output_tokens: 9 }, "gpt-tea", 9],
  ["Chat Completions", "/v1/chat/completions", { model: "gpt-tea", max_completion_tokens: 7 }, "gpt-tea", 7],
  [
    "Gemini",
    "/v1beta/models/gemini-tea:generateContent?alt=sse",
    { generationConfig: { maxOutputTokens: 6 } },
    "gemini-tea",
    6,
  ],
] as const)(
  "[security 39] reads the model and the limit of the output from a request: %s",
  ([, path, body, model, limit]) => {
    expect(estimate(path, body)).toMatchObject({ model, outputTokens: limit });
  },
);

test("[security 39] a request without a usable limit counts as a long answer, and the larger of two limits counts", () => {
  for (const body of [{}, { max_tokens: -1 }, { max_tokens: "8" }, { max_tokens: 1e300 }, [], null])
    expect(estimate("/v1/messages", body).outputTokens).toBe(32_768);
  expect(estimateCall("/v1/messages", Buffer.from("no JSON")).outputTokens).toBe(32_768);
  expect(estimate("/v1/responses", { max_tokens: 1, max_output_tokens: 50 }).outputTokens).toBe(50);
});

test("[security 39] the input counts by its bytes, as written to a cache", () => {
  const body = Buffer.from(JSON.stringify({ model: "m", messages: "x".repeat(2971), max_tokens: 0 }));
  expect(estimateCall("/v1/messages", body)).toMatchObject({
    inputTokens: 0,
    cacheWriteTokens: Math.ceil(body.length / 3),
  });
});
