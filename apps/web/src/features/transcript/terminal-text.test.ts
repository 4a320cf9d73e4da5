import { describe, expect, it } from "vitest";
import { toTerminalText } from "./terminal-text.ts";
import { visibleText } from "../../lib/visible-text.ts";

describe("[30] terminal output", () => {
  it.each([
    ["\u001b[1;31mred\u001b[0m", "red"],
    ["\u001b]0;a title\u0007text", "text"],
    ["\u001b]52;c;c2VjcmV0\u001b\\text", "text"],
    ["\u001b]8;;https://evil.test\u001b\\link\u001b]8;;\u001b\\", "link"],
    ["\u001bP1$r0m\u001b\\x", "x"],
    ["\u001b[2J\u001b[H\u001b[?25lx", "x"],
    ["\u009b31mx", "x"],
    ["\u001b(Bx", "x"],
    ["a\u001b]0;never ended", "a"],
    ["a\u0007b", "a⟨U+0007⟩b"],
  ])("%j is %j", (output, text) => expect(toTerminalText(output)).toBe(text));

  it("shows a line that was written over as it ended", () => {
    expect(toTerminalText("10%\r50%\r100%\ndone\r\n")).toBe("100%\ndone\n");
    expect(toTerminalText("abcdef\rxy")).toBe("xycdef");
  });
});

describe("[31] hidden characters", () => {
  it("are shown as marks", () => {
    expect(visibleText("user\u202etxt.exe")).toBe("user⟨U+202E⟩txt.exe");
    expect(visibleText("a\u200bb\ufeffc\u2066d")).toBe("a⟨U+200B⟩b⟨U+FEFF⟩c⟨U+2066⟩d");
  });

  it("are the only ones that change", () => {
    expect(visibleText("tab\there\nünïcödé 日本語 🫖")).toBe("tab\there\nünïcödé 日本語 🫖");
  });
});
