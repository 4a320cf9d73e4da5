import { expect, test } from "vitest";
import { hasHiddenCharacter, visibleText } from "./visible-text.ts";

test.each([
  ["user\u202etxt.exe", "user⟨U+202E⟩txt.exe"],
  ["a\u200bb\ufeffc\u2066d", "a⟨U+200B⟩b⟨U+FEFF⟩c⟨U+2066⟩d"],
  ["a\u2028b\u{e0041}c", "a⟨U+2028⟩b⟨U+E0041⟩c"],
  ["a\u0000b\u001b[31m", "a⟨U+0000⟩b⟨U+001B⟩[31m"],
])("[security 31] shows what is hidden in %j", (text, shown) => {
  expect(visibleText(text)).toBe(shown);
  expect(hasHiddenCharacter(text)).toBe(true);
});

test.each(["", "a\tb\r\nc", "Grüße, 你好, שלום, 👋🏽"])("leaves %j as it is", (text) => {
  expect(visibleText(text)).toBe(text);
  expect(hasHiddenCharacter(text)).toBe(false);
});
