/** The chosen theme; `public/theme.js` sets it before the first paint of the next load. */
import { useState } from "react";
import { openBrowserText } from "../../lib/stored-text.ts";

export type Theme = "system" | "light" | "dark";

export const THEMES = [
  { value: "system", label: "System" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
] as const satisfies readonly { readonly value: Theme; readonly label: string }[];

const kept = openBrowserText("theme");

export function useTheme(): readonly [Theme, (theme: Theme) => void] {
  const [theme, setTheme] = useState<Theme>(() => readTheme(kept.read()));
  const choose = (next: Theme) => {
    setTheme(next);
    kept.write(next === "system" ? "" : next);
    if (next === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = next;
  };
  return [theme, choose];
}

export function readTheme(text: string): Theme {
  return text === "light" || text === "dark" ? text : "system";
}
