/** Reading a growing text piece by piece must come to the same as reading it whole. */
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { closeOpenEnd, createReader, fetchCloser, noBlocks, readBlocks, readGrowing, type Blocks } from "./blocks.ts";

beforeAll(fetchCloser);

const shape = (blocks: Pick<Blocks, "tokens">) => blocks.tokens.map((token) => [token.type, token.raw]);

const PIECES = [
  "A paragraph with **bold** text.\n\n",
  "# Heading\n\n",
  "- one\n- two\n  - nested\n\n",
  "1. first\n\n   more of it\n\n2. second\n\n",
  "```ts\nconst a = 1;\n\nconst b = 2;\n```\n\n",
  "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
  "> quote\nlazy\n\n",
  "---\n\n",
  "plain line\n",
  "setext\n===\n\n",
  "    indented code\n\n",
  "<div>\n\nhtml\n\n</div>\n\n",
  "\n",
  "\r\n",
];

describe("a growing text", () => {
  it("read in any pieces has the blocks of the whole", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }),
        fc.array(fc.nat({ max: 25 }), { minLength: 1, maxLength: 40 }),
        (pieces, steps) => {
          const text = pieces.join("");
          let blocks = noBlocks;
          let end = 0;
          for (let turn = 0; end < text.length; turn++) {
            end = Math.min(text.length, end + 1 + (steps[turn % steps.length] ?? 0));
            // A carriage return at the end may yet become half of a line's end.
            if (text[end - 1] === "\r") end = Math.min(text.length, end + 1);
            blocks = readGrowing(text.slice(0, end), blocks);
          }
          expect(shape(blocks)).toEqual(shape(readBlocks(text)));
        },
      ),
      { numRuns: 300 },
    );
  });

  it("that was replaced is read anew", () => {
    const before = readGrowing("# One\n\ntwo\n\nthree\n\nfour", noBlocks);
    expect(shape(readGrowing("other", before))).toEqual(shape(readBlocks("other")));
  });

  it("shows no half of a mark at its end", () => {
    const last = closeOpenEnd(readGrowing("done\n\nthis is **bol", noBlocks)).at(-1);
    expect(last).toMatchObject({ type: "paragraph", text: "this is **bol**" });
  });

  it("shows half a link as its text, never as an address to follow", () => {
    const last = closeOpenEnd(readGrowing("see [the manual](https://exam", noBlocks)).at(-1);
    expect(JSON.stringify(last)).not.toContain('"link"');
  });
});

describe("a message's reader", () => {
  it("keeps the very blocks that did not change, and reads the end in full", () => {
    const reader = createReader();
    const growing = reader.read("# One\n\ntwo\n\nthree\n\nfo", true);
    const grown = reader.read("# One\n\ntwo\n\nthree\n\nfour [a][r]", true);
    expect(grown[0]).toBe(growing[0]);
    const whole = reader.read("see [a][r]\n\ntwo\n\nthree\n\n[r]: https://a.test", false);
    expect(JSON.stringify(whole[0])).toContain("https://a.test");
    expect(reader.read("see [a][r]\n\ntwo\n\nthree\n\n[r]: https://a.test", false)).toBe(whole);
  });
});
