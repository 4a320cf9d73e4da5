/** Characters that a reader would not see, in the changes and names that the page shows. */
import type { FileDiff } from "@samovar/contracts";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, it } from "vitest";
import { DiffLines, useDiffView } from "../../ui/diff/diff-lines.tsx";
import { UnifiedDiff } from "./unified-diff.tsx";

/** A right-to-left override, a zero-width space and an isolate. */
const HIDDEN = /[\u202e\u200b\u2066]/;
const SHOWN = ["⟨U+202E⟩", "⟨U+200B⟩", "⟨U+2066⟩"];
const diff: FileDiff = {
  path: "user\u202etxt.exe",
  oldText: "if (a\u200bdmin) {\n",
  newText: "if (admin) { /* \u2066 */\n",
};

function expectShown(html: string): void {
  for (const code of SHOWN) expect(html).toContain(code);
  expect(html).not.toMatch(HIDDEN);
}

describe("[31] hidden characters", () => {
  it.each(["unified", "split"] as const)("are visible in a tool's change, in the view %s", (view) => {
    useDiffView.setState({ view });
    expectShown(renderToStaticMarkup(<DiffLines diff={diff} />));
  });

  it("are visible in the diff of a task", () => {
    const text = `--- a/${diff.path}\n+++ b/${diff.path}\n-${diff.oldText}+${diff.newText}`;
    expectShown(renderToStaticMarkup(<UnifiedDiff diff={text} truncated={false} />));
  });
});
