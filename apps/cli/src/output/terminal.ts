/** Where a command writes: plain text to people, colours only where a terminal shows them. */
import { styleText } from "node:util";

export interface Terminal {
  /** Writes to standard output as it is. */
  write(text: string): void;
  /** Writes bytes to standard output; settles when they are out. */
  writeBytes(content: Uint8Array): Promise<void>;
  /** A line to standard output. */
  line(text?: string): void;
  /** A line to standard error. */
  note(text: string): void;
  readonly style: Style;
}

type Paint = (text: string) => string;
export type Style = Record<"bold" | "dim" | "red" | "green" | "yellow" | "cyan", Paint>;

export function style(colours: boolean): Style {
  const paint =
    (format: keyof Style): Paint =>
    (text) =>
      colours && text !== "" ? styleText(format, text, { validateStream: false }) : text;
  return {
    bold: paint("bold"),
    dim: paint("dim"),
    red: paint("red"),
    green: paint("green"),
    yellow: paint("yellow"),
    cyan: paint("cyan"),
  };
}

/** NO_COLOR (any value) and a pipe both mean plain text. */
export function processTerminal(env: NodeJS.ProcessEnv = process.env): Terminal {
  const colours = process.stdout.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return {
    write: (text) => void process.stdout.write(text),
    writeBytes: (content) =>
      new Promise((resolve, reject) =>
        process.stdout.write(content, (error) => (error == null ? resolve() : reject(error))),
      ),
    line: (text = "") => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${text}\n`),
    style: style(colours),
  };
}
