/** Coloured output as lines of runs. Colours become ours by their hue: readable in both themes, whatever was meant. */
import Anser from "anser";
import { clsx } from "clsx";
import { toColouredText } from "./terminal-text.ts";
import { visibleText } from "../../lib/visible-text.ts";

export interface Run {
  readonly text: string;
  /** Classes; empty for plain text. */
  readonly look: string;
}

export type OutputLine = readonly Run[];

type Tone = "red" | "yellow" | "green" | "cyan" | "blue" | "magenta" | "grey" | "white";

const INK: Readonly<Record<Tone, string>> = {
  red: "text-failed",
  yellow: "text-working",
  green: "text-done",
  cyan: "text-queued",
  blue: "text-ready",
  magenta: "text-delegated",
  grey: "text-ink-3",
  white: "",
};

const GROUND: Readonly<Record<Tone, string>> = {
  red: "bg-failed-tint text-ink",
  yellow: "bg-working-tint text-ink",
  green: "bg-done-tint text-ink",
  cyan: "bg-queued-tint text-ink",
  blue: "bg-ready-tint text-ink",
  magenta: "bg-delegated-tint text-ink",
  grey: "bg-quiet-tint text-ink",
  white: "bg-quiet-tint text-ink",
};

export function parseOutputLines(output: string): readonly OutputLine[] {
  const lines: Run[][] = [[]];
  for (const part of Anser.ansiToJson(toColouredText(output), { json: true, remove_empty: true })) {
    const look = toClasses(part);
    const [first = "", ...others] = visibleText(part.content).split("\n");
    push(lines, first, look);
    for (const text of others) {
      lines.push([]);
      push(lines, text, look);
    }
  }
  if (lines.length > 1 && lines.at(-1)?.length === 0) lines.pop();
  return lines;
}

function push(lines: Run[][], text: string, look: string): void {
  if (text !== "") lines.at(-1)?.push({ text, look });
}

function toClasses({ fg, bg, fg_truecolor, bg_truecolor, decorations }: Anser.AnserJsonEntry): string {
  const ground = toTone(bg_truecolor || bg);
  const ink = toTone(fg_truecolor || fg);
  return clsx(
    ground !== null ? GROUND[ground] : INK[ink ?? "white"],
    decorations.includes("bold") && "font-semibold",
    decorations.includes("italic") && "italic",
    decorations.includes("underline") && "underline",
    decorations.includes("strikethrough") && "line-through",
    decorations.includes("dim") && ink === null && ground === null && "text-ink-3",
  );
}

/** Of `r, g, b`; null for none, and for black, which is the text's own colour on one theme or the other. */
export function toTone(colour: string | null): Tone | null {
  const [red = Number.NaN, green = Number.NaN, blue = Number.NaN] = (colour ?? "").split(",").map(Number);
  if (!Number.isFinite(red + green + blue)) return null;
  const most = Math.max(red, green, blue);
  const spread = most - Math.min(red, green, blue);
  if (most < 40) return null;
  if (spread < 40) return most < 190 ? "grey" : "white";
  if (most === red) return hue((green - blue) / spread, "magenta", "red", "yellow");
  if (most === green) return hue((blue - red) / spread, "yellow", "green", "cyan");
  return hue((red - green) / spread, "cyan", "blue", "magenta");
}

function hue(at: number, before: Tone, here: Tone, after: Tone): Tone {
  if (at < -0.5) return before;
  return at > 0.5 ? after : here;
}
