import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NOTHING_HELD, SecretRedactor } from "./secret-redactor.ts";

const KEY = "sk-canary/Q+7?ü\"x\\y z'1";
const bytes = (text: string) => Buffer.from(text, "utf8");

/** Grows a text chunk by chunk to its end. */
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

function split(text: string, cuts: readonly number[]): string[] {
  const at = [0, ...cuts.map((cut) => cut % (text.length + 1)).toSorted((a, b) => a - b), text.length];
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}

describe("[security 32] a known secret", () => {
  const redactor = new SecretRedactor([KEY]);

  it.each([
    ["as it is", KEY],
    ["in JSON", JSON.stringify(KEY).slice(1, -1)],
    ["in JSON inside JSON", JSON.stringify(JSON.stringify(KEY)).slice(3, -3)],
    ["in an address", encodeURIComponent(KEY)],
    ["in an address, in lower case", encodeURIComponent(KEY).replaceAll(/%../g, (code) => code.toLowerCase())],
    ["in a form", new URLSearchParams([["", KEY]]).toString().slice(1)],
    ["in hexadecimal", bytes(KEY).toString("hex")],
    ["in upper-case hexadecimal", bytes(KEY).toString("hex").toUpperCase()],
  ])("is redacted %s", (_how, form) => {
    expect(redactor.redact(`before ${form} after`)).toEqual({ text: "before [redacted] after", redactions: 1 });
  });

  it.each(["base64", "base64url"] as const)("is redacted in %s at every alignment, but for its edges", (encoding) => {
    for (const before of ["", "1", "12", "user:"]) {
      const { text, redactions } = redactor.redact(bytes(`${before}${KEY}, and more`).toString(encoding));
      expect(redactions).toBe(1);
      const [head = "", tail = ""] = text.split("[redacted]");
      const left = bytes(before).toString(encoding).replace(/=+$/, "");
      // At most one character on each side has bits of the secret.
      expect(head.length).toBeLessThanOrEqual(left.length);
      expect(Buffer.from(tail, encoding).toString("latin1")).not.toContain(KEY.slice(-3));
    }
  });

  it("is redacted where an encoder or a terminal wraps it, but not across an empty line", () => {
    const long = new SecretRedactor(["0123456789".repeat(12)]);
    const wrapped = bytes("0123456789".repeat(12)).toString("base64").replaceAll(/.{76}/g, "$&\r\n");
    expect(long.redact(`a\n${wrapped}\nb`).text).toMatch(/^a\n\[redacted\]=*\nb$/);
    expect(redactor.redact(`${KEY.slice(0, 5)}\n\n${KEY.slice(5)}`).redactions).toBe(0);
  });

  it("of several lines is redacted with any line ends", () => {
    const lines = new SecretRedactor(["-----BEGIN\nline one\nline two\n"]);
    expect(lines.redact("-----BEGIN\r\nline one\r\nline two\r\n.").text).toBe("[redacted]\r\n.");
  });

  it("of less than eight characters is left alone", () => {
    expect(new SecretRedactor(["1234567", " on "]).redact("1234567 is on")).toEqual({
      text: "1234567 is on",
      redactions: 0,
    });
  });

  it("that overlaps another is one redaction with it", () => {
    const two = new SecretRedactor(["canary-1", "canary-12", "12-kettle", "-1"]);
    expect(two.redact("a canary-12-kettle, canary-1")).toEqual({ text: "a [redacted], [redacted]", redactions: 2 });
    expect(growAll(two, [..."a canary-12-kettle, canary-1"])).toEqual({
      text: "a [redacted], [redacted]",
      redactions: 2,
    });
  });

  it("is redacted at the end of a text that was cut inside it", () => {
    expect(redactor.redactCut(`error: ${KEY.slice(0, 12)}`).text).toBe("error: [redacted]");
    expect(redactor.redactCut(`error: ${KEY.slice(0, 3)}`).text).toBe(`error: ${KEY.slice(0, 3)}`);
  });
});

describe("[security 32] a growing text", () => {
  const redactor = new SecretRedactor(["canary-of-the-kettle"]);

  it("holds back only what may be the beginning of a secret, and shows it when it is not", () => {
    const first = redactor.grow(NOTHING_HELD, "A bird: can");
    expect(first).toMatchObject({ text: "A bird: ", held: { text: "can" } });
    expect(redactor.grow(first.held, "didate")).toMatchObject({ text: "candidate", held: NOTHING_HELD });
    expect(redactor.flush(first.held).text).toBe("can");
    expect(redactor.grow(first.held, "ary-of-the-kettle!")).toMatchObject({ text: "[redacted]!", redactions: 1 });
  });

  it("shows everything at once when there is no secret", () => {
    expect(new SecretRedactor([]).grow(NOTHING_HELD, "can")).toMatchObject({ text: "can", held: NOTHING_HELD });
  });
});

describe("[security 32] any text with any secrets", () => {
  const few = fc.string({ unit: fc.constantFrom("a", "b", "\n"), minLength: 8, maxLength: 14 });
  const many = fc.string({ unit: "grapheme", minLength: 8, maxLength: 40 });
  const secrets = fc.array(fc.oneof(few, many), { minLength: 1, maxLength: 4 });
  const parts = (known: readonly string[]) =>
    fc.array(
      fc.oneof(
        fc.string({ unit: fc.constantFrom("a", "b", "\n", "\r", " ") }),
        fc.string({ unit: "grapheme" }),
        fc.constantFrom(...known),
        fc.constantFrom(...known.map((secret) => bytes(`x${secret}`).toString("base64"))),
        fc.constantFrom(...known.map((secret) => secret.slice(0, 9))),
      ),
    );
  const cases = secrets.chain((known) =>
    fc.record({ known: fc.constant(known), text: parts(known).map((all) => all.join("")), cuts: fc.array(fc.nat()) }),
  );

  it("is the same text however it is split, and holds nothing longer than a form", () => {
    fc.assert(
      fc.property(cases, ({ known, text, cuts }) => {
        const redactor = new SecretRedactor(known);
        expect(growAll(redactor, split(text, cuts))).toEqual(redactor.redact(text));
      }),
      { numRuns: 200 },
    );
  });

  it("shows no secret, as it is or encoded", () => {
    const word = fc.stringMatching(/^[a-z0-9_+/-]{8,30}$/);
    const around = fc.string({ unit: fc.constantFrom(..."ab0-_ \n") });
    fc.assert(
      fc.property(
        fc.array(word, { minLength: 1, maxLength: 4 }),
        fc.array(around, { minLength: 5 }),
        fc.array(fc.nat()),
        (known, gaps, cuts) => {
          const forms = known.flatMap((secret) => [
            secret,
            bytes(secret).toString("hex"),
            bytes(secret)
              .toString("base64url")
              .slice(0, Math.floor((secret.length * 8) / 6)),
          ]);
          const text = gaps.map((gap, index) => gap + (forms[index % forms.length] ?? "")).join("");
          const { text: shown, redactions } = growAll(new SecretRedactor(known), split(text, cuts));
          for (const form of forms) expect(shown).not.toContain(form);
          expect(shown.split("[redacted]")).toHaveLength(redactions + 1);
          expect(redactions).toBeGreaterThan(0);
        },
      ),
    );
  });

  it("is unchanged without a secret", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.nat()), (text, cuts) => {
        const redactor = new SecretRedactor(["\u2400canary-of-the-kettle", "\u2400another\nsecret"]);
        expect(growAll(redactor, split(text, cuts))).toEqual({ text, redactions: 0 });
      }),
    );
  });
});
