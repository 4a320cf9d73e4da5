import { nodeView, page } from "@samovar/contracts";
import * as z from "zod";
import { expect, it } from "vitest";
import { encodeCall } from "./api-call.ts";
import { readAnswer } from "./read-answer.ts";

const item = z.object({ items: z.array(z.object({ id: z.string() })) });

it("reads a success by its schema", () => {
  expect(readAnswer(200, '{"items":[{"id":"a","more":1}]}', item)).toEqual({
    kind: "value",
    value: { items: [{ id: "a" }] },
  });
});

it("gives a schema null for an empty body", () => {
  expect(readAnswer(204, "", z.null())).toEqual({ kind: "value", value: null });
});

it("names the field that is not as expected", () => {
  expect(readAnswer(200, '{"items":[{"id":1}]}', item)).toEqual({ kind: "unreadable", at: "items.0.id" });
  expect(readAnswer(200, "<html>", page(nodeView))).toEqual({ kind: "unreadable", at: "" });
});

it("reads a refusal as the control plane words it, whatever the schema", () => {
  const error = { code: "conflict", message: "Read it again.", requestId: "req_1", details: { version: 2 } };
  expect(readAnswer(409, JSON.stringify({ error }), z.unknown())).toEqual({ kind: "refused", error });
});

it.each([
  [502, "<html>"],
  [418, '{"error":"tea"}'],
  [301, ""],
])("does not take %d for a refusal without the control plane's words", (status, text) => {
  expect(readAnswer(status, text, z.unknown())).toEqual({ kind: "failed", status });
});

it("sends every change as JSON, without a body as an empty object, and a key with it", () => {
  const sent = { accept: "application/json", "content-type": "application/json" };
  expect(encodeCall({ method: "POST", body: { a: 1 }, idempotencyKey: "k" })).toEqual({
    method: "POST",
    headers: { ...sent, "idempotency-key": "k" },
    body: '{"a":1}',
  });
  expect(encodeCall({ method: "DELETE" })).toEqual({ method: "DELETE", headers: sent, body: "{}" });
  expect(encodeCall({})).toEqual({ method: "GET", headers: { accept: "application/json" }, body: null });
});
