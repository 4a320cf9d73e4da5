/** What the renderer lets through: read as HTML by a strict eye, over a corpus of attacks. */
import * as fc from "fast-check";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { readBlocks } from "./blocks.ts";
import { renderTokens } from "./render.tsx";

const html = (markdown: string) => renderToStaticMarkup(<>{renderTokens(readBlocks(markdown).tokens)}</>);

const ATTACKS = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<iframe src='javascript:alert(1)'></iframe>",
  "<a href='javascript:alert(1)'>x</a>",
  "<style>*{background:url(https://evil.test)}</style>",
  "<details open ontoggle=alert(1)>",
  "<math><mi//xlink:href='data:x,<script>alert(1)</script>'>",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](javascript&#58;alert(1))",
  "[x](javascript&colon;alert(1))",
  "[x](\u0001javascript:alert(1))",
  "[x](java\nscript:alert(1))",
  "[x]( java\tscript:alert(1))",
  "[x](data:text/html;base64,PHNjcmlwdD4=)",
  "[x](vbscript:msgbox(1))",
  "[x](file:///etc/passwd)",
  "[x](blob:https://a.test/1)",
  "[x](//evil.test/x)",
  "<javascript:alert(1)>",
  "<data:text/html,x>",
  "![x](https://evil.test/pixel.png)",
  "![x](data:image/svg+xml;base64,PHN2Zz4=)",
  "![x](javascript:alert(1))",
  "[![x](https://evil.test/p.png)](javascript:alert(1))",
  "![x][r]\n\n[r]: https://evil.test/p.png",
  "[x][r]\n\n[r]: javascript:alert(1)",
  '[x](https://a.test "onmouseover=alert(1)")',
  '[x](https://a.test/"onmouseover="alert(1))',
  '```"><script>alert(1)</script>\nx\n```',
  "`<script>alert(1)</script>`",
  "| <img src=x onerror=alert(1)> |\n|---|\n| [x](javascript:alert(1)) |",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "<!--><script>alert(1)</script>-->",
  "<p title='</p><script>alert(1)</script>'>",
];

/** Every tag that was really made, with its attributes. */
function tags(markup: string): readonly { readonly name: string; readonly attributes: string }[] {
  return [...markup.matchAll(/<([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"]*")?)*)\s*\/?>/g)].map((found) => ({
    name: found[1] ?? "",
    attributes: found[2] ?? "",
  }));
}

const HARMLESS = new Set(
  "p h3 h4 h5 h6 pre code blockquote ul ol li table thead tbody tr th td hr strong em del br a span input div figure figcaption button svg path rect".split(
    " ",
  ),
);

function expectHarmless(markup: string): void {
  for (const { name, attributes } of tags(markup)) {
    expect(HARMLESS).toContain(name);
    expect(attributes).not.toMatch(/\s(?:on\w+|src|srcset|srcdoc|xlink:href|formaction|action|data)=/i);
    const href = /\shref="([^"]*)"/.exec(attributes)?.[1];
    if (href !== undefined) expect(href).toMatch(/^(https?|mailto):/);
  }
  // Nothing that looks like a tag is left that the pattern above did not account for.
  const left = markup.replaceAll(/<\/?[a-zA-Z][\w-]*(?:\s+[\w:-]+(?:="[^"]*")?)*\s*\/?>/g, "");
  expect(left).not.toContain("<");
}

describe("[29] hostile markdown", () => {
  it.each(ATTACKS)("%s does nothing", (attack) => {
    expectHarmless(html(attack));
    expectHarmless(html(`- a\n  > **x** ${attack}\n`));
  });

  it("any text makes harmless markup", () => {
    const parts = fc.constantFrom(
      ...ATTACKS,
      "\n",
      "\n\n",
      " ",
      "**",
      "`",
      "```",
      "> ",
      "- ",
      "1. ",
      "|",
      "---",
      "[",
      "](",
      ")",
      "<",
      ">",
      "&",
      "a",
      "\\",
      "http://x.y",
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 30 }), (texts) => expectHarmless(html(texts.join("")))),
      { numRuns: 300 },
    );
  });

  it("nesting without end is shown, not followed", () => {
    expect(html(`${">".repeat(3000)} deep`)).toContain("deep");
    expect(html(`${"[".repeat(3000)}x${"](y)".repeat(3000)}`)).toContain("x");
    expect(html(`${"- ".repeat(500)}x`)).toContain("x");
  });
});

describe("markdown", () => {
  it("shows raw HTML as what was written", () => {
    expect(html("a <b>bold</b> claim")).toBe("<p>a &lt;b&gt;bold&lt;/b&gt; claim</p>");
  });

  it("names an image instead of loading it", () => {
    expect(html("![a chart](https://a.test/c.png)")).toContain('<a href="https://a.test/c.png"');
    expect(html("![a chart](https://a.test/c.png)")).toContain("[image: a chart]");
  });

  it("opens links in a new tab without a referrer", () => {
    expect(html("[x](https://a.test/?a=1&b=2)")).toBe(
      '<p><a href="https://a.test/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer nofollow">x</a></p>',
    );
  });

  it("shows a link that may not be followed as its text", () => {
    expect(html("[the trap](javascript:alert(1))")).toBe('<p><span title="javascript:alert(1)">the trap</span></p>');
  });

  it.each([
    ["# Title", "<h3>Title</h3>"],
    ["a *b* **c** ~~d~~ `e < f`", "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e &lt; f</code></p>"],
    ["1 &lt; 2 &amp;&amp; 3 &#62; 2", "<p>1 &lt; 2 &amp;&amp; 3 &gt; 2</p>"],
    ["`&amp;`", "<p><code>&amp;amp;</code></p>"],
    ["a\\*b", "<p>a*b</p>"],
    ["a  \nb", "<p>a<br/>b</p>"],
    ["3. x\n4. y", '<ol start="3"><li>x</li><li>y</li></ol>'],
    ["> q", "<blockquote><p>q</p></blockquote>"],
    ["---", "<hr/>"],
  ])("%s", (markdown, expected) => expect(html(markdown)).toBe(expected));

  it("keeps code as it is", () => {
    expect(html("```ts\nif (a < b) {}\n```")).toContain("<code>if (a &lt; b) {}</code>");
  });

  it("ticks task lists", () => {
    const markup = html("- [x] done\n- [ ] open");
    expect(markup).toMatch(/<input[^>]*checked=""[^>]*\/> done/);
    expect(markup).toMatch(/<input(?![^>]*checked)[^>]*\/> open/);
  });

  it("aligns tables", () => {
    expect(html("| a | b |\n|---|--:|\n| 1 | 2 |")).toContain('<td align="right">2</td>');
  });
});
