/**
 * Prints a transcript while it grows: text as it streams, in the order of positions; a tool call when it starts
 * and again when it ends; a plan, then its entries as they are completed. Prints nothing twice.
 */
import { parseJson } from "@samovar/base";
import type { MessageView, PlanEntries, ToolMetadata } from "@samovar/contracts";
import { planEntries } from "@samovar/contracts";
import { lineDiff } from "@samovar/domain/line-diff";
import { toSafeLine, toSafeText } from "./safe-text.ts";
import type { Terminal } from "./terminal.ts";
import { formatCount } from "./units.ts";

interface Entry {
  message: MessageView;
  /** UTF-16 units of the text that are printed. */
  shown: number;
  /** Whether the entry's title is printed. */
  started: boolean;
  ended: boolean;
  /** Entries of a plan that are printed as completed. */
  ticked: number;
}

const OUTPUT_LINES = 12;
const DIFF_LINES = 16;
const PROMPT_LINES = 6;
const WIDTH = 160;

export class TranscriptPrinter {
  readonly #terminal: Terminal;
  readonly #entries = new Map<number, Entry>();
  /** The next position to print. */
  #next = 0;
  /** The tool call whose title was printed last, so that its result needs no title. */
  #lastTool: number | null = null;
  #midLine = false;
  /** Completed plan entries, printed before the next message because they belong to the previous one. */
  #ticks: string[] = [];

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  show(message: MessageView): void {
    const known = this.#entries.get(message.position);
    if (known === undefined) {
      this.#entries.set(message.position, { message, shown: 0, started: false, ended: false, ticked: 0 });
    } else if (message.revision > known.message.revision) {
      known.message = message;
    } else return;
    if (message.position < this.#next) this.#showLate(message.position);
    else this.#pump(false);
  }

  /** Prints a line between messages. */
  printAside(text: string): void {
    this.#endLine();
    this.#terminal.line(text);
    this.#lastTool = null;
  }

  /** Prints what was held back because it never became final. */
  finish(): void {
    this.#pump(true);
    for (const [position, entry] of this.#entries) {
      if (entry.message.kind === "tool" && entry.started) this.#showTool(position, entry, true);
    }
    this.#endLine();
    this.#printTicks();
  }

  #pump(force: boolean): void {
    for (let entry = this.#entries.get(this.#next); entry !== undefined; entry = this.#entries.get(this.#next)) {
      const follows = this.#entries.has(this.#next + 1);
      if (!this.#showInTurn(this.#next, entry, force, follows)) return;
      this.#next++;
    }
  }

  /** Returns whether the next position may be printed. */
  #showInTurn(position: number, entry: Entry, force: boolean, follows: boolean): boolean {
    const { message } = entry;
    if (message.kind === "tool") {
      this.#showTool(position, entry, force || follows);
      return entry.started;
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
    const lines = toSafeText(message.content).trimEnd().split("\n");
    this.#block(this.#terminal.style.bold("Task"));
    for (const line of lines.slice(0, PROMPT_LINES)) this.#terminal.line(`  ${line}`.trimEnd());
    if (lines.length > PROMPT_LINES) this.#more(lines.length - PROMPT_LINES, "line");
  }

  #showNotice(message: MessageView): void {
    this.#block(`${this.#terminal.style.yellow("•")} ${toSafeText(message.content)}`);
  }

  #showText(entry: Entry, force: boolean): boolean {
    const { message } = entry;
    const thought = message.kind === "thought";
    const paint = thought ? this.#terminal.style.dim : (text: string) => text;
    if (!entry.started) {
      this.#block(thought ? paint("Thought") : this.#terminal.style.bold("Agent"));
      this.#terminal.write("  ");
      this.#midLine = true;
      entry.started = true;
    }
    const fresh = toSafeText(message.content.slice(entry.shown));
    if (fresh !== "") this.#terminal.write(paint(fresh.replaceAll("\n", "\n  ")));
    entry.shown = message.content.length;
    const isOver = message.final || message.interrupted;
    if (!isOver && !force) return false;
    if (message.interrupted) this.#terminal.write(this.#terminal.style.yellow(" [interrupted]"));
    if (message.truncated !== null)
      this.#terminal.write(this.#terminal.style.yellow(` [truncated; ${message.truncated.bytes} bytes in total]`));
    this.#endLine();
    return true;
  }

  /** Prints the whole plan first, and later the entries completed since. */
  #showPlan(entry: Entry): void {
    const entries = parsePlan(entry.message.content);
    const { style } = this.#terminal;
    const done = entries.filter(({ status }) => status === "completed");
    if (entry.started) {
      this.#ticks.push(
        ...done.slice(entry.ticked).map(({ content }) => `${style.green("✓")} ${toSafeLine(content, WIDTH)}`),
      );
    } else if (entries.length > 0) {
      this.#block(style.bold("Plan"));
      const mark = { completed: style.green("✓"), in_progress: style.cyan("▸"), pending: style.dim("·") };
      for (const { content, status } of entries) this.#terminal.line(`  ${mark[status]} ${toSafeLine(content, WIDTH)}`);
      this.#lastTool = null;
    }
    entry.started ||= entries.length > 0;
    entry.ticked = Math.max(entry.ticked, done.length);
  }

  #showTool(position: number, entry: Entry, force: boolean): void {
    const tool = entry.message.toolMetadata;
    if (tool === null || entry.ended) return void (entry.started ||= force);
    const { style } = this.#terminal;
    const isOver = tool.status === "success" || tool.status === "error" || entry.message.interrupted;
    if (!entry.started && !isOver && !force && tool.status === "pending" && !hasInput(tool)) return;
    if (!entry.started || (isOver && this.#lastTool !== position)) {
      this.#block(`${style.cyan("▸")} ${style.bold(toSafeLine(tool.title, WIDTH))}`);
      this.#lastTool = position;
    }
    entry.started = true;
    if (!isOver) return;
    entry.ended = true;
    for (const line of formatToolResult(tool, this.#terminal)) this.#terminal.line(`  ${line}`);
    if (tool.status === "error") this.#terminal.line(`  ${style.red(`✗ ${labelFailure(tool)}`)}`);
    else if (entry.message.interrupted) this.#terminal.line(`  ${style.yellow("interrupted")}`);
  }

  #block(title: string): void {
    this.#endLine();
    this.#printTicks();
    this.#terminal.line(`\n${title}`);
  }

  #printTicks(): void {
    if (this.#ticks.length > 0) this.#terminal.line(`\n${this.#ticks.join("\n")}`);
    this.#ticks = [];
  }

  #more(lines: number, what: string): void {
    this.#terminal.line(this.#terminal.style.dim(`  … ${formatCount(lines, `more ${what}`)}`));
  }

  #endLine(): void {
    if (this.#midLine) this.#terminal.line();
    this.#midLine = false;
  }
}

function hasInput(tool: ToolMetadata): boolean {
  return tool.input !== undefined && tool.input !== "{}" && tool.input !== "";
}

function labelFailure(tool: ToolMetadata): string {
  const { exitCode } = tool;
  return exitCode === undefined || exitCode === null ? "failed" : `exit code ${exitCode}`;
}

/** Prefers diffs to the output, because they say more. */
function formatToolResult(tool: ToolMetadata, terminal: Terminal): string[] {
  const { style } = terminal;
  const diffs = tool.diffs ?? [];
  if (diffs.length > 0) {
    return diffs.flatMap((diff) => {
      const { parts, added, removed } = lineDiff(diff.oldText, diff.newText);
      const lines = parts.flatMap((part) =>
        part.lines.flatMap(({ kind, text }) => {
          if (kind === "same") return [];
          return [kind === "removed" ? style.red(`- ${toSafeText(text)}`) : style.green(`+ ${toSafeText(text)}`)];
        }),
      );
      const counts = style.dim(`${diff.oldText === null ? "new, " : ""}+${added} −${removed}`);
      const left = lines.length - DIFF_LINES;
      const more = left > 0 ? [style.dim(`… ${formatCount(left, "more line")}`)] : [];
      return [counts, ...lines.slice(0, DIFF_LINES), ...more];
    });
  }
  const lines = toSafeText(tool.output ?? "")
    .trimEnd()
    .split("\n");
  if (lines.length === 1 && lines[0] === "") return [];
  const left = lines.length - OUTPUT_LINES;
  const earlier = left > 0 ? [style.dim(`… ${formatCount(left, "earlier line")}`)] : [];
  return [...earlier, ...lines.slice(-OUTPUT_LINES).map((line) => style.dim(line))];
}

function parsePlan(content: string): PlanEntries {
  const parsed = planEntries.safeParse(parseJson(content));
  return parsed.success ? parsed.data : [];
}
