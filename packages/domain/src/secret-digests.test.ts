/** Secrets that are found by their digests, in text as agents print it. */
import { sha256 } from "@samovar/base/sha256";
import type { SecretDigests } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DigestSearch, digestSecrets } from "./secret-digests.ts";
import { NOTHING_HELD, SecretRedactor } from "./secret-redactor.ts";

const SALT = "0123456789abcdef0123456789abcdef";
const KEY = "sk-canary_Q7/xyz+0123456789=";
const TOKEN = `smv_${"Ab-_".repeat(10)}xyz`;
const bytes = (text: string) => Buffer.from(text, "utf8");

function createDigests(secrets: readonly string[], apiTokens: readonly string[] = []): SecretDigests {
  return { salt: SALT, forms: digestSecrets(secrets, SALT, sha256), apiTokens: apiTokens.map((each) => sha256(each)) };
}
const knowing = (secrets: readonly string[], apiTokens: readonly string[] = []) =>
  new SecretRedactor([], new DigestSearch(createDigests(secrets, apiTokens), sha256));

function growAll(redactor: SecretRedactor, chunks: readonly string[]) {
  let held = NOTHING_HELD;
  let text = "";
  let redactions = 0;
  for (const chunk of chunks) {
    const grown = redactor.grow(held, chunk);
    ({ held } = grown);
    text += grown.text;
    redactions += grown.redactions;
  }
  const rest = redactor.flush(held);
  return { text: text + rest.text, redactions: redactions + rest.redactions };
}

describe("[security 32] a secret that is known by its digest alone", () => {
  const redactor = knowing([KEY]);

  it.each([
    ["as it is", KEY],
    ["in an address", encodeURIComponent(KEY)],
    ["in an address, in lower case", encodeURIComponent(KEY).replaceAll(/%../g, (code) => code.toLowerCase())],
    ["in hexadecimal", bytes(KEY).toString("hex")],
    ["in upper-case hexadecimal", bytes(KEY).toString("hex").toUpperCase()],
    ["over two lines", `${KEY.slice(0, 14)}\r\n${KEY.slice(14)}`],
  ])("is redacted %s", (_how, form) => {
    for (const [before, after] of [
      ["a ", " b"],
      ["KEY=", "&x"],
      ["x-", "-y"],
      ["", ""],
    ])
      expect(redactor.redact(`${before}${form}${after}`)).toEqual({
        text: `${before}[redacted]${after}`,
        redactions: 1,
      });
  });

  it.each(["base64", "base64url"] as const)("is redacted in %s at every alignment", (encoding) => {
    for (const before of ["", "1", "12", "user:"]) {
      const { text, redactions } = redactor.redact(bytes(`${before}${KEY}, and more`).toString(encoding));
      expect(redactions).toBe(1);
      expect(Buffer.from(text.split("[redacted]")[1] ?? "", encoding).toString("latin1")).not.toContain(KEY.slice(-3));
    }
  });

  it("is redacted however its text is split, and other words pass with a small delay", () => {
    const text = `the key is ${KEY}, in base64 ${bytes(KEY).toString("base64")}.`;
    const whole = redactor.redact(text);
    expect(whole.redactions).toBe(2);
    for (let size = 1; size < 40; size++) {
      const chunks = text.match(new RegExp(`.{1,${size}}`, "gs")) ?? [];
      expect(growAll(redactor, chunks)).toEqual(whole);
    }
    expect(redactor.grow(NOTHING_HELD, "Tea is rea")).toMatchObject({ text: "Tea is ", held: { text: "rea" } });
    expect(redactor.grow(NOTHING_HELD, `${"a".repeat(100)}`).text).toHaveLength(89);
  });

  it("holds nothing back where there is none", () => {
    expect(knowing([]).grow(NOTHING_HELD, "Tea is rea")).toMatchObject({ text: "Tea is rea", held: NOTHING_HELD });
  });

  it("is not in its digests, nor is anything that could be guessed", () => {
    const digests = createDigests([KEY, "short-password", "two words of a sentence"]);
    expect(JSON.stringify(digests)).not.toMatch(/canary|short|sentence/);
    expect(createDigests(["short-password", "two words of a sentence"]).forms).toEqual([]);
    const other = digestSecrets([KEY], "f".repeat(32), sha256);
    expect(other.some(({ digest }) => digests.forms.some((form) => form.digest === digest))).toBe(false);
  });

  it("of several words is redacted word by word, such as the numbers of a key in JSON", () => {
    const account = JSON.stringify({ id: "tea", private: "MC4CAQAwBQYDK2VwBCIEIPkettle0123456789" });
    expect(knowing([account]).redact(`private: ${account}`).text).toBe('private: {"id":"tea","private":"[redacted]"}');
  });

  it("is redacted beside one that is known", () => {
    const both = new SecretRedactor(["canary-of-the-kettle"], new DigestSearch(createDigests([KEY]), sha256));
    const text = `${KEY} canary-of-the-kettle ${KEY}canary-of-the-kettle`;
    const expected = { text: "[redacted] [redacted] [redacted][redacted]", redactions: 4 };
    expect(both.redact(text)).toEqual(expected);
    expect(growAll(both, [...text])).toEqual(expected);
  });

  it("is redacted at the end of a text that was cut inside it, and an ordinary word is not", () => {
    expect(redactor.redactCut(`error: ${KEY.slice(0, 20)}`).text).toBe("error: [redacted]");
    expect(redactor.redactCut("error: unreachable").text).toBe("error: unreachable");
  });
});

it("[security 32] an API token is redacted by the hash that the control plane has of it, and another one is not", () => {
  const redactor = knowing([], [TOKEN]);
  const text = `x=${TOKEN}/ and smv_${"other".repeat(9)}`;
  const expected = { text: `x=[redacted]/ and smv_${"other".repeat(9)}`, redactions: 1 };
  expect(redactor.redact(text)).toEqual(expected);
  expect(growAll(redactor, [...text])).toEqual(expected);
});

it("[security 32] any text is redacted as if the secrets were known, and the same however it is split", () => {
  const unit = fc.constantFrom(..."abcXYZ019-_");
  const secrets = fc.array(fc.string({ unit, minLength: 16, maxLength: 30 }), { minLength: 1, maxLength: 3 });
  const cases = secrets.chain((known) => {
    const forms = known.flatMap((each) => [each, bytes(`x${each}`).toString("base64"), bytes(each).toString("hex")]);
    const part = fc.oneof(
      fc.string({ unit: fc.constantFrom("a", "X", "-", " ", "\n", "\r", "%", "ü") }),
      fc.constantFrom(...forms),
      fc.constantFrom(...forms.map((form) => form.slice(0, 13))),
    );
    const text = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(""));
    return fc.tuple(fc.constant(known), text, fc.array(fc.nat(), { maxLength: 6 }));
  });
  fc.assert(
    fc.property(cases, ([known, text, cuts]) => {
      const byDigest = knowing(known);
      const whole = byDigest.redact(text);
      expect(whole).toEqual(new SecretRedactor(known).redact(text));
      const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length];
      expect(
        growAll(
          byDigest,
          at.slice(1).map((end, index) => text.slice(at[index], end)),
        ),
      ).toEqual(whole);
    }),
    { numRuns: 100 },
  );
});

describe("[security 32] the end of a text whose agent is silent", () => {
  const redactor = knowing([KEY]);

  /** As {@link growAll}, with a silence after each chunk. */
  function growSlowly(chunks: readonly string[]): string {
    let held = NOTHING_HELD;
    let text = "";
    for (const chunk of chunks) {
      const grown = redactor.grow(held, chunk);
      const released = redactor.release(grown.held);
      held = released.held;
      text += grown.text + released.text;
    }
    return text + redactor.flush(held).text;
  }

  it("is shown to its last word, and nothing is shown twice", () => {
    const grown = redactor.grow(NOTHING_HELD, "I will be notified when it ends.");
    expect(grown.text).toBe("I will be notified when it ");
    expect(redactor.release(grown.held).text).toBe("ends.");
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom("a", "B", "1", "-", " ", "\n"), maxLength: 20 })),
        (chunks) => {
          expect(growSlowly(chunks)).toBe(chunks.join(""));
        },
      ),
    );
  });

  it("is not shown where it begins as a secret does; of a shorter beginning, only that is seen", () => {
    for (let at = 0; at < KEY.length; at++)
      expect(growSlowly([`a ${KEY.slice(0, at)}`, `${KEY.slice(at)} b`])).toBe(
        `a ${at < 12 ? KEY.slice(0, at) : ""}[redacted] b`,
      );
  });
});
