/**
 * A shell in a workspace's runtime, in which the daemon runs git on the checkout: with the rights of the workspace's agent,
 * and one start of a sandbox for many commands. What comes out is the workspace's word, to be parsed like any input.
 */
import { randomBytes } from "node:crypto";
import type { Writable } from "node:stream";
import type { RuntimeProcess, WorkspacePlaces, WorkspaceRuntime } from "./runtime.ts";

export interface ShellCommand {
  readonly argv: readonly string[];
  /** As the workspace sees it. */
  readonly cwd: string;
  /** In addition to the shell's environment. Other processes of the workspace can read it: no secret. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Gets the output instead of the result; it is not ended. */
  readonly sink?: Writable;
}

export interface ShellResult {
  readonly code: number;
  /** The first {@link STDOUT_MAX} bytes. */
  readonly stdout: Buffer;
  /** The last {@link STDERR_KEPT} characters. */
  readonly stderr: string;
}

export const STDOUT_MAX = 32 * 1024 * 1024;
export const STDERR_KEPT = 16_000;

/** The shell was ended before its command: by a limit, an abort, or with all processes of its workspace's user. */
export class ShellEndedError extends Error {
  override readonly name = "ShellEndedError";
}

export class WorkspaceShell {
  /** The workspace's places as the commands see them. */
  readonly seen: WorkspacePlaces & { readonly checkout: string };
  readonly #runtime: WorkspaceRuntime;
  readonly #process: RuntimeProcess;
  /** Of the command that runs now. */
  #readers: { readonly stdout: OutputReader; readonly stderr: OutputReader } | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #lastWords = "";
  #closing = false;

  /** `env`: the whole environment of the shell. The caller closes the shell. */
  constructor(runtime: WorkspaceRuntime, env: Readonly<Record<string, string>>) {
    const { checkout } = runtime.seen;
    if (checkout === null) throw new Error("a shell needs a checkout");
    this.seen = { ...runtime.seen, checkout };
    this.#runtime = runtime;
    this.#process = runtime.start({ argv: ["/bin/sh", "-s"], env, stdin: "pipe", leavesServices: false });
    this.#process.stdout.on("data", (chunk: Buffer) => this.#readers?.stdout.read(chunk));
    this.#process.stderr.on("data", (chunk: Buffer) => {
      this.#lastWords = (this.#lastWords + chunk.toString("utf8")).slice(-STDERR_KEPT);
      this.#readers?.stderr.read(chunk);
    });
  }

  /** The node's path for one that commands name. */
  toNodePath(path: string): string {
    const found = this.#runtime.toNodePath(path);
    if (found === null) throw new Error(`${path} is outside the workspace`);
    return found;
  }

  /** Commands run one after the other. Throws when the shell ends before the command does. */
  run(command: ShellCommand): Promise<ShellResult> {
    const result = this.#last.then(() => this.#run(command));
    this.#last = result.catch(() => {});
    return result;
  }

  /** Ends the command that runs, which throws then, and all that was started here. */
  kill(): void {
    this.#closing = true;
    this.#process.signal("SIGKILL");
  }

  async close(): Promise<void> {
    this.kill();
    await this.#process.exited;
  }

  async #run(command: ShellCommand): Promise<ShellResult> {
    const mark = randomBytes(16).toString("hex");
    const stdout = new OutputReader(mark, command.sink ?? null, this.#process.stdout);
    const stderr = new OutputReader(mark, null, this.#process.stderr);
    this.#readers = { stdout, stderr };
    if (!this.#closing) this.#process.stdin?.write(formatCommand(command, mark));
    const ended = this.#process.exited.then((exit) => {
      const words = this.#lastWords.trim().split("\n").slice(-3).join("\n");
      throw new ShellEndedError(`the workspace's shell ended: ${exit.error ?? exit.signal ?? words}`);
    });
    try {
      const [code, errors] = await Promise.race([ended, Promise.all([stdout.done, stderr.done])]);
      return {
        code: Number(code.rest),
        stdout: code.output,
        stderr: errors.output.toString("utf8").slice(-STDERR_KEPT),
      };
    } finally {
      ended.catch(() => {});
      this.#readers = null;
    }
  }
}

interface Output {
  readonly output: Buffer;
  /** What follows the mark: the exit code. */
  readonly rest: string;
}

/** Reads up to the mark that the shell writes after the command. */
class OutputReader {
  readonly done: Promise<Output>;
  readonly #mark: Buffer;
  readonly #sink: Writable | null;
  readonly #source: RuntimeProcess["stdout"];
  readonly #kept: Buffer[] = [];
  #size = 0;
  #pending: Buffer = Buffer.alloc(0);
  #resolve: (output: Output) => void = () => {};

  constructor(mark: string, sink: Writable | null, source: RuntimeProcess["stdout"]) {
    this.#mark = Buffer.from(`\n${mark} `);
    this.#sink = sink;
    this.#source = source;
    this.done = new Promise((resolve) => (this.#resolve = resolve));
    sink?.once("close", () => source.resume());
  }

  read(chunk: Buffer): void {
    const data = Buffer.concat([this.#pending, chunk]);
    const at = data.indexOf(this.#mark);
    // A mark may be cut between two chunks.
    const end = at === -1 ? Math.max(0, data.length - this.#mark.length) : at;
    this.#emit(data.subarray(0, end));
    this.#pending = data.subarray(end);
    const rest = this.#pending.toString("latin1", this.#mark.length);
    if (at !== -1 && rest.endsWith("\n"))
      this.#resolve({ output: Buffer.concat(this.#kept), rest: rest.split("\n")[0] ?? "" });
  }

  #emit(part: Buffer): void {
    if (part.length === 0) return;
    if (this.#sink === null) {
      this.#size += part.length;
      if (this.#size <= STDOUT_MAX) this.#kept.push(part);
      return;
    }
    // A sink that broke takes no more; the output is still read to its end.
    if (this.#sink.destroyed || this.#sink.write(part)) return;
    this.#source.pause();
    this.#sink.once("drain", () => this.#source.resume());
  }
}

function formatCommand({ argv, cwd, env, input }: ShellCommand, mark: string): string {
  const variables = Object.entries(env ?? {}).map(([name, value]) => `${name}=${quote(value)} `);
  const program = `(cd ${quote(cwd)} && ${variables.join("")}exec ${argv.map(quote).join(" ")})`;
  const whole = input === undefined ? `${program} </dev/null` : `printf %s ${quote(input)} | ${program}`;
  return `${whole}\nprintf '\\n${mark} %s\\n' $?; printf '\\n${mark} \\n' >&2\n`;
}

const quote = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`;
