/** Named facts below a headline. Unknown values are left out. */
import type { Style } from "./terminal.ts";

const NAME_WIDTH = 10;

export class Facts {
  readonly lines: string[] = [];
  readonly #style: Style;

  constructor(style: Style) {
    this.#style = style;
  }

  /** Indents the further lines of a value below its first one. */
  add(name: string, value: string | null | undefined): void {
    if (!value) return;
    const indented = value.replaceAll("\n", `\n${" ".repeat(NAME_WIDTH + 3)}`);
    this.lines.push(`  ${this.#style.dim(name.padEnd(NAME_WIDTH))} ${indented}`);
  }
}
