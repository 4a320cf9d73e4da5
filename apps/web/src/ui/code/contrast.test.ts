/** Code must be readable on everything it stands on, in both themes (WCAG 1.4.3). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const styles = join(import.meta.dirname, "../../styles");
const sheet = ["app.css", "code.css"].map((name) => readFileSync(join(styles, name), "utf8")).join("\n");
const tokens = [...sheet.matchAll(/--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)];
const colour = (name: string, theme: 2 | 3) => tokens.find((token) => token[1] === name)?.[theme] ?? "";

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5]
    .map((at) => Number.parseInt(hex.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].toSorted((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const text = tokens.map((token) => token[1] ?? "").filter((name) => name.startsWith("code-"));

it.each([2, 3] as const)("[R33] each colour of code has a contrast of 4.5 at least (theme %i)", (theme) => {
  expect(text).toHaveLength(7);
  for (const name of text)
    for (const ground of ["bg", "inset", "added-tint", "removed-tint"])
      expect(contrast(colour(name, theme), colour(ground, theme)), `${name} on ${ground}`).toBeGreaterThanOrEqual(4.5);
});
