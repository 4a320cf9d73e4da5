import { expect, test } from "vitest";
import { jsonLogger } from "./log.ts";
import { redactFields, redactText, redactValues } from "./redact.ts";

const SECRETS = [
  "smv_abcdefghijklmnopqrstuvwx",
  "sk-ant-api03-abcdefghijk",
  "ghp_abcdefghijklmnopqrstuvwxyz0123",
  "github_pat_11AAAAAAAA0123456789abcdef",
  "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJub2QifQ.c2lnbmF0dXJlLWJ5dGVz",
];

test.each(SECRETS)("[S1] %s does not get through a text", (secret) => {
  expect(redactText(`before ${secret} after`)).toBe("before [redacted] after");
});

test("[S1] user info in an address and a bearer header are masked, the rest of the line is kept", () => {
  expect(redactText("clone https://me:hunter22@example.org/r.git")).toBe("clone https://[redacted]@example.org/r.git");
  expect(redactText("authorization: Bearer abcdefghijklmnop")).toBe("authorization: Bearer [redacted]");
});

test("[S1] known secrets are taken out of a text, the longer one first; what is too short to be one stays", () => {
  const text = "key canary-1, canary-12, on";
  expect(redactValues(text, ["canary-1", "canary-12", "on"])).toBe("key [redacted], [redacted], on");
});

test("[S1] fields with a secret's name are masked at any depth, and errors keep their message", () => {
  const fields = redactFields({ a: [{ apiKey: "x", ok: 1 }], error: new Error(`failed with ${SECRETS[0]}`) });
  expect(fields).toEqual({
    a: [{ apiKey: "[redacted]", ok: 1 }],
    error: { name: "Error", message: "failed with [redacted]" },
  });
});

test("a log line is one JSON object with its time, level, event and bound fields", () => {
  const lines: string[] = [];
  const log = jsonLogger({ clock: { now: () => 0 }, write: (line) => lines.push(line) }).with({ nodeId: "nod_1" });
  log.debug("unseen");
  log.info("node.claimed", { token: "very secret" });
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { at: "1970-01-01T00:00:00.000Z", level: "info", event: "node.claimed", nodeId: "nod_1", token: "[redacted]" },
  ]);
});
