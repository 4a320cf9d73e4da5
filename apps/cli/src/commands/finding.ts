/** What a check of `samovar doctor` found, and its line in the terminal. */
import { toSafeText } from "../output/safe-text.ts";
import type { CommandContext } from "./context.ts";

export interface Finding {
  readonly what: string;
  /** `warning`: some tasks cannot run; `fault`: none can. */
  readonly state: "ok" | "warning" | "fault";
  readonly detail: string;
  /** What to do; null when nothing is needed. */
  readonly hint: string | null;
}

export function makeFinding(what: string, state: Finding["state"], detail: string, hint: string | null): Finding {
  return { what, state, detail, hint };
}

export function printFinding({ what, state, detail, hint }: Finding, { terminal }: CommandContext): void {
  const { style } = terminal;
  const mark = { ok: style.green("✓"), warning: style.yellow("!"), fault: style.red("✗") }[state];
  terminal.line(`${mark} ${what.padEnd(15)} ${toSafeText(detail)}`);
  if (hint !== null) terminal.line(`  ${" ".repeat(15)} ${style.dim(toSafeText(hint))}`);
}
