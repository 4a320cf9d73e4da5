/** What every command receives: the process's terminal, environment and clock, created once at the entry. */
import type { Clock, Random, Timers } from "@samovar/base";
import { systemClock, systemRandom, systemTimers } from "@samovar/base";
import { LIMITS } from "@samovar/contracts";
import { CliError } from "../client/errors.ts";
import type { Remote } from "../contexts.ts";
import { type Terminal, createTerminal } from "../output/terminal.ts";
import { askSecret } from "./ask-secret.ts";

export interface CommandContext {
  /** Absolute. */
  readonly dataDir: string;
  /** The Samovar on another machine that the command uses; null: the one of the data directory. */
  readonly remote: Remote | null;
  readonly json: boolean;
  readonly cwd: string;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly env: Readonly<NodeJS.ProcessEnv>;
  /** Reads all of standard input. Throws {@link CliError} when it exceeds the request limit. */
  readStdin(): Promise<string>;
  /** Prompts without echo; null when there is no terminal. */
  askSecret(question: string): Promise<string | null>;
  /** Calls back at each Ctrl-C and SIGTERM. Returns a function that stops this. */
  onInterrupt(callback: () => void): () => void;
}

export function createContext(where: Pick<CommandContext, "dataDir" | "remote">, json: boolean): CommandContext {
  return {
    ...where,
    json,
    cwd: process.cwd(),
    terminal: createTerminal(),
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

/** Stops reading as soon as the text is larger than a request may be. */
async function readStdin(): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin) {
    const piece = Buffer.from(chunk);
    chunks.push(piece);
    bytes += piece.length;
    if (bytes > LIMITS.requestMaxBytes) {
      const maxKib = LIMITS.requestMaxBytes / 1024;
      throw new CliError(
        `The text on standard input is larger than ${maxKib} KiB.`,
        "Shorten it. Put long material in a file in the repository.",
      );
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** Prints a JSON value on one line. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.write(`${JSON.stringify(value)}\n`);
}
