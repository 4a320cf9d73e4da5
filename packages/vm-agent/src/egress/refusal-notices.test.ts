import type { ToolMetadata } from "@samovar/contracts";
import { SecretRedactor } from "@samovar/domain/secret-redactor";
import { expect, test } from "vitest";
import { RefusalNotices } from "./refusal-notices.ts";

const SECRET = "sk-live-0123456789abcdef0123";

function given() {
  const shown: { readonly key: string; readonly text: string; readonly metadata: ToolMetadata | null }[] = [];
  const redactor = new SecretRedactor([SECRET]);
  const notices = new RefusalNotices({
    redact: (text) => redactor.redactCut(text).text,
    notice: async (key, text, metadata = null) => void shown.push({ key, text, metadata }),
  });
  return { notices, shown };
}

test("[security 32] a secret in a host's name is redacted in all that a notice shows", () => {
  const { notices, shown } = given();
  notices.add({ host: `${SECRET}.evil.example`, port: 443 }, "not-listed");
  expect(shown).toHaveLength(1);
  for (const { text, metadata } of shown) {
    expect(JSON.stringify([text, metadata])).not.toContain(SECRET);
    expect(text).toContain(".evil.example:443");
  }
});

test("[R50] the longest host fits into a notice", () => {
  const { notices, shown } = given();
  const host = `${"a".repeat(60)}.`.repeat(4) + "example";
  notices.add({ host, port: 65_535 }, "closed");
  expect(shown[0]?.metadata).toMatchObject({ target: `${host}:65535`, toolCallId: expect.stringMatching(/^.{200}$/) });
});
