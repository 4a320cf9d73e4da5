/** A shortcut with the platform's main modifier, as its keyboards print it. */

type Key = "Enter" | "Shift";

const APPLE: Readonly<Record<Key, string>> = { Enter: "↩", Shift: "⇧" };

export function shortcut(...keys: readonly Key[]): string {
  if (/mac|iphone|ipad/i.test(navigator.userAgent)) return `⌘${keys.map((key) => APPLE[key]).join("")}`;
  return ["Ctrl", ...keys].join("+");
}
