/** What every command is given; made once, in the outermost shell. */
import type { Clock, Random, Timers } from "@samovar/base";
import { systemClock, systemRandom, systemTimers } from "@samovar/base";
import { LIMITS } from "@samovar/contracts";
import { CliError } from "../client/errors.ts";
import { type Terminal, processTerminal } from "../output/terminal.ts";
import { askSecret } from "./ask-secret.ts";

export interface CommandContext {
  /** Absolute. */
  readonly dataDir: string;
  readonly json: boolean;
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Whole, and bounded. */
  readStdin(): Promise<string>;
  /** An answer that is not shown; null when there is no terminal to ask on. */
  askSecret(question: string): Promise<string | null>;
  /** Calls back at each Ctrl-C (and once for SIGTERM) until the answer is called. */
  onInterrupt(callback: () => void): () => void;
}

export function processContext(dataDir: string, json: boolean): CommandContext {
  return {
    dataDir,
    json,
    cwd: process.cwd(),
    terminal: processTerminal(),
    clock: systemClock,
    timers: systemTimers,
    random: systemRandom,
    env: process.env,
    readStdin,
    askSecret,
    onInterrupt(callback) {
      const names = ["SIGINT", "SIGTERM"] as const;
      for (const name of names) process.on(name, callback);
      return () => {
        for (const name of names) process.off(name, callback);
      };
    },
  };
}

/** Bounded: what no request may hold is not read to its end. */
async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const piece = Buffer.from(chunk);
    chunks.push(piece);
    bytes += piece.length;
    if (bytes > LIMITS.requestMaxBytes) {
      const most = LIMITS.requestMaxBytes / 1024;
      throw new CliError(
        `The text on standard input is longer than ${most} KiB.`,
        "Shorten it. What a task needs to read can stand in a file of its repository.",
      );
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** One JSON value a line. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.write(`${JSON.stringify(value)}\n`);
}
