/** Shortcuts with the platform's main modifier, as its keyboards print them. */

type Key = "Enter" | "Shift" | "K" | ".";

const APPLE: Partial<Record<Key, string>> = { Enter: "↩", Shift: "⇧" };

export const isApple = (): boolean => /mac|iphone|ipad/i.test(navigator.userAgent);

export function shortcut(...keys: readonly Key[]): string {
  return isApple() ? `⌘${keys.map((key) => APPLE[key] ?? key).join("")}` : ["Ctrl", ...keys].join("+");
}
