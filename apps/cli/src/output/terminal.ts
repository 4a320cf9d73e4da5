/** Where a command writes. Uses colours only on a terminal. */
import { styleText } from "node:util";
import { toSafeText } from "./safe-text.ts";

export interface Terminal {
  /** Writes text to standard output, unchanged. */
  write(text: string): void;
  /** Writes bytes to standard output; resolves when they are written. */
  writeBytes(content: Uint8Array): Promise<void>;
  /** Writes a line to standard output. */
  line(text?: string): void;
  /** Writes a line to standard error, without styles: what it quotes is made safe here. */
  note(text: string): void;
  readonly style: Style;
}

type Paint = (text: string) => string;
export type Style = Record<"bold" | "dim" | "red" | "green" | "yellow" | "cyan", Paint>;

export function makeStyle(colours: boolean): Style {
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

/** Plain text when NO_COLOR is set or standard output is not a terminal. */
export function createTerminal(env: NodeJS.ProcessEnv = process.env): Terminal {
  const colours = process.stdout.isTTY === true && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  return {
    write: (text) => void process.stdout.write(text),
    writeBytes: (content) =>
      new Promise((resolve, reject) =>
        process.stdout.write(content, (error) => (error == null ? resolve() : reject(error))),
      ),
    line: (text = "") => void process.stdout.write(`${text}\n`),
    note: (text) => void process.stderr.write(`${toSafeText(text)}\n`),
    style: makeStyle(colours),
  };
}
