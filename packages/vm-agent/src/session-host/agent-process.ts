/** The agent's process: in a separate process group, with a minimal environment and the tail of its stderr. Keeps S1. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { delimiter, dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { redactText } from "@samovar/base";
import { lowerArgv, lowerGroup } from "@samovar/processes";
import { createAgentEnvironment } from "./agent-environment.ts";
import type { AgentGrant, AgentStart, AgentSurroundings } from "./agent-environment.ts";
import { readToEnd } from "./read-to-end.ts";

export interface AgentExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why the process could not be started; null otherwise. */
  readonly error: string | null;
}

export interface AgentProcess {
  /** Null when the process could not be started. */
  readonly pid: number | null;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Resolves when the process has exited and its output was read to the end. */
  readonly exited: Promise<AgentExit>;
  /** The end of its stderr. `redact` takes known secrets out before it is cut. */
  getStderrTail(redact: (text: string) => string): string;
  signal(name: "SIGTERM" | "SIGKILL"): void;
  /** Pauses or resumes reading its output; a full pipe makes it wait. After its exit the rest is read anyway. */
  setPaused(paused: boolean): void;
}

const STDERR_TAIL_CHARS = 4096;
/** More than is reported, because the first line may be cut in the middle of a secret and is dropped. */
const KEPT_BYTES = 4 * STDERR_TAIL_CHARS;

/** Starts the agent in its checkout, or in its home when it is started before the checkout exists. */
export function startAgent(start: AgentStart, grant: AgentGrant): AgentProcess {
  const env = createAgentEnvironment(start, grant, readSurroundings());
  const [program = "", ...args] = start.agent.command;
  const [file, ...lowered] = lowerArgv([program, ...args], env["PATH"]);
  const child = spawn(file, lowered, {
    cwd: start.checkout ?? start.home,
    env,
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  lowerGroup(child);
  const readTail = keepTail(child.stderr);
  child.stdin.on("error", () => {
    // The process is gone; `exited` resolves.
  });
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? null,
    stdin: child.stdin,
    stdout: child.stdout,
    exited: waitForExit(child),
    getStderrTail: (redact) => redactText(redact(readTail())).trim().slice(-STDERR_TAIL_CHARS),
    signal: (name) => signalGroup(child.pid, name),
    setPaused: (paused) => void (paused && !isGone() ? child.stdout.pause() : child.stdout.resume()),
  };
}

/** Reads the node's PATH and locale. The vm-agent's Node comes last on the PATH, after the node's programs. */
export function readSurroundings(): AgentSurroundings {
  const { PATH = "/usr/local/bin:/usr/bin:/bin", LANG = "C.UTF-8" } = process.env;
  return { path: [PATH, dirname(process.execPath)].join(delimiter), lang: LANG, isRoot: process.getuid?.() === 0 };
}

function waitForExit(child: ChildProcess): Promise<AgentExit> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error: error.message }));
    child.once("exit", (code, signal) => {
      const pipes = [child.stdout, child.stderr].filter((pipe) => pipe !== null);
      void Promise.all(pipes.map(readToEnd)).then(() => resolve({ code, signal, error: null }));
    });
  });
}

function keepTail(stream: Readable): () => string {
  let tail = Buffer.alloc(0);
  let isCut = false;
  stream.on("data", (bytes: Buffer) => {
    const all = Buffer.concat([tail, bytes]);
    isCut ||= all.length > KEPT_BYTES;
    tail = all.subarray(-KEPT_BYTES);
  });
  stream.on("error", () => {
    // There is nothing more to read.
  });
  return () => (isCut ? tail.toString("utf8").replace(/^.*\n?/, "") : tail.toString("utf8"));
}

function signalGroup(pid: number | undefined, name: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // The group is gone already.
  }
}
