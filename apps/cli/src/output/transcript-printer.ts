/**
 * Prints a transcript while it grows: text as it streams, in the order of positions; a tool call when it begins
 * and again when it ends; a plan, and then its entries as they get done. Nothing is printed twice.
 */
import { parseJson } from "@samovar/base";
import type { MessageView, PlanEntries, ToolMetadata } from "@samovar/contracts";
import { planEntries } from "@samovar/contracts";
import { lineDiff } from "@samovar/domain/line-diff";
import { safeLine, safeText } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";
import { count } from "./units.ts";

interface Entry {
  message: MessageView;
  /** UTF-16 units of a text that are on the screen. */
  shown: number;
  /** A tool call whose beginning is on the screen. */
  begun: boolean;
  ended: boolean;
  /** Entries of a plan that are told as done. */
  ticked: number;
}

const OUTPUT_LINES = 12;
const DIFF_LINES = 16;
const PROMPT_LINES = 6;
const WIDTH = 160;

export class TranscriptPrinter {
  readonly #terminal: Terminal;
  readonly #entries = new Map<number, Entry>();
  /** The position whose turn it is. */
  #next = 0;
  /** A tool call whose end may follow its title without naming it again. */
  #lastTool: number | null = null;
  #midLine = false;
  /** Ticks of a plan that are told before the next message begins: they belong to what came before it. */
  #ticks: string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(message: MessageView): void {
    const known = this.#entries.get(message.position);
    if (known === undefined) {
      this.#entries.set(message.position, { message, shown: 0, begun: false, ended: false, ticked: 0 });
    } else if (message.revision > known.message.revision) {
      known.message = message;
    } else return;
    if (message.position < this.#next) this.#showLate(message.position);
    else this.#pump(false);
  }

  /** A line between messages. */
  aside(text: string): void {
    this.#endLine();
    this.#terminal.line(text);
    this.#lastTool = null;
  }

  /** Prints what is still held back because it never became final. */
  finish(): void {
    this.#pump(true);
    for (const [position, entry] of this.#entries) {
      if (entry.message.kind === "tool" && entry.begun) this.#showTool(position, entry, true);
    }
    this.#endLine();
    this.#tellTicks();
  }

  #pump(force: boolean): void {
    for (let entry = this.#entries.get(this.#next); entry !== undefined; entry = this.#entries.get(this.#next)) {
      const follows = this.#entries.has(this.#next + 1);
      if (!this.#showInTurn(this.#next, entry, force, follows)) return;
      this.#next++;
    }
  }

  /** Whether the next one may come. */
  #showInTurn(position: number, entry: Entry, force: boolean, follows: boolean): boolean {
    const { message } = entry;
    if (message.kind === "tool") {
      this.#showTool(position, entry, force || follows);
      return entry.begun;
    }
    if (message.kind === "plan") {
      this.#showPlan(entry);
      return true;
    }
    this.#lastTool = null;
    if (message.role === "user") this.#showPrompt(message);
    else if (message.kind === "notice") this.#showNotice(message);
    else return this.#showText(entry, force);
    return true;
  }

  #showLate(position: number): void {
    const entry = this.#entries.get(position);
    if (entry?.message.kind === "tool") this.#showTool(position, entry, false);
    if (entry?.message.kind === "plan") this.#showPlan(entry);
  }

  #showPrompt(message: MessageView): void {
    const lines = safeText(message.content).trimEnd().split("\n");
    this.#block(this.#terminal.style.bold("Task"));
    for (const line of lines.slice(0, PROMPT_LINES)) this.#terminal.line(`  ${line}`.trimEnd());
    if (lines.length > PROMPT_LINES) this.#more(lines.length - PROMPT_LINES, "line");
  }

  #showNotice(message: MessageView): void {
    this.#block(`${this.#terminal.style.yellow("•")} ${safeText(message.content)}`);
  }

  #showText(entry: Entry, force: boolean): boolean {
    const { message } = entry;
    const thought = message.kind === "thought";
    const paint = thought ? this.#terminal.style.dim : (text: string) => text;
    if (!entry.begun) {
      this.#block(thought ? paint("Thought") : this.#terminal.style.bold("Agent"));
      this.#terminal.write("  ");
      this.#midLine = true;
      entry.begun = true;
    }
    const fresh = safeText(message.content.slice(entry.shown));
    if (fresh !== "") this.#terminal.write(paint(fresh.replaceAll("\n", "\n  ")));
    entry.shown = message.content.length;
    const over = message.final || message.interrupted;
    if (!over && !force) return false;
    if (message.interrupted) this.#terminal.write(this.#terminal.style.yellow(" [interrupted]"));
    if (message.truncated !== null)
      this.#terminal.write(this.#terminal.style.yellow(` [cut; ${message.truncated.bytes} bytes in all]`));
    this.#endLine();
    return true;
  }

  /** The whole plan at first; later the entries that got done since. */
  #showPlan(entry: Entry): void {
    const entries = planOf(entry.message.content);
    const { style } = this.#terminal;
    const done = entries.filter(({ status }) => status === "completed");
    if (entry.begun) {
      this.#ticks.push(
        ...done.slice(entry.ticked).map(({ content }) => `${style.green("✓")} ${safeLine(content, WIDTH)}`),
      );
    } else if (entries.length > 0) {
      this.#block(style.bold("Plan"));
      const mark = { completed: style.green("✓"), in_progress: style.cyan("▸"), pending: style.dim("·") };
      for (const { content, status } of entries) this.#terminal.line(`  ${mark[status]} ${safeLine(content, WIDTH)}`);
      this.#lastTool = null;
    }
    entry.begun ||= entries.length > 0;
    entry.ticked = Math.max(entry.ticked, done.length);
  }

  #showTool(position: number, entry: Entry, force: boolean): void {
    const tool = entry.message.toolMetadata;
    if (tool === null || entry.ended) return void (entry.begun ||= force);
    const { style } = this.#terminal;
    const over = tool.status === "success" || tool.status === "error" || entry.message.interrupted;
    if (!entry.begun && !over && !force && tool.status === "pending" && !hasInput(tool)) return;
    if (!entry.begun || (over && this.#lastTool !== position)) {
      this.#block(`${style.cyan("▸")} ${style.bold(safeLine(tool.title, WIDTH))}`);
      this.#lastTool = position;
    }
    entry.begun = true;
    if (!over) return;
    entry.ended = true;
    for (const line of toolResult(tool, this.#terminal)) this.#terminal.line(`  ${line}`);
    if (tool.status === "error") this.#terminal.line(`  ${style.red(`✗ ${failed(tool)}`)}`);
    else if (entry.message.interrupted) this.#terminal.line(`  ${style.yellow("interrupted")}`);
  }

  #block(title: string): void {
    this.#endLine();
    this.#tellTicks();
    this.#terminal.line(`\n${title}`);
  }

  #tellTicks(): void {
    if (this.#ticks.length > 0) this.#terminal.line(`\n${this.#ticks.join("\n")}`);
    this.#ticks = [];
  }

  #more(lines: number, what: string): void {
    this.#terminal.line(this.#terminal.style.dim(`  … ${count(lines, `more ${what}`)}`));
  }

  #endLine(): void {
    if (this.#midLine) this.#terminal.line();
    this.#midLine = false;
  }
}

function hasInput(tool: ToolMetadata): boolean {
  return tool.input !== undefined && tool.input !== "{}" && tool.input !== "";
}

function failed(tool: ToolMetadata): string {
  const { exitCode } = tool;
  return exitCode === undefined || exitCode === null ? "failed" : `exit code ${exitCode}`;
}

/** Diffs tell more than the output that goes with them. */
function toolResult(tool: ToolMetadata, terminal: Terminal): string[] {
  const { style } = terminal;
  const diffs = tool.diffs ?? [];
  if (diffs.length > 0) {
    return diffs.flatMap((diff) => {
      const { parts, added, removed } = lineDiff(diff.oldText, diff.newText);
      const lines = parts.flatMap((part) =>
        part.lines.flatMap(({ kind, text }) => {
          if (kind === "same") return [];
          return [kind === "removed" ? style.red(`- ${safeText(text)}`) : style.green(`+ ${safeText(text)}`)];
        }),
      );
      const counts = style.dim(`${diff.oldText === null ? "new, " : ""}+${added} −${removed}`);
      const left = lines.length - DIFF_LINES;
      const more = left > 0 ? [style.dim(`… ${count(left, "more line")}`)] : [];
      return [counts, ...lines.slice(0, DIFF_LINES), ...more];
    });
  }
  const lines = safeText(tool.output ?? "")
    .trimEnd()
    .split("\n");
  if (lines.length === 1 && lines[0] === "") return [];
  const left = lines.length - OUTPUT_LINES;
  const earlier = left > 0 ? [style.dim(`… ${count(left, "earlier line")}`)] : [];
  return [...earlier, ...lines.slice(-OUTPUT_LINES).map((line) => style.dim(line))];
}

function planOf(content: string): PlanEntries {
  const parsed = planEntries.safeParse(parseJson(content));
  return parsed.success ? parsed.data : [];
}
