/** The agent's process: its own group, a minimal environment, its last words kept. Keeps S1. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { delimiter, dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { redactText, redactValues } from "@samovar/base";
import { lowerArgv, lowerGroup } from "@samovar/processes";
import { agentEnvironment } from "./agent-environment.ts";
import type { AgentGrant, AgentStart, AgentSurroundings } from "./agent-environment.ts";
import { readToEnd } from "./read-to-end.ts";

export interface AgentExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not even be started. */
  readonly error: string | null;
}

export interface AgentProcess {
  /** Null when it could not be started. */
  readonly pid: number | null;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Settles when the process is gone and its output was read to the end. */
  readonly exited: Promise<AgentExit>;
  /** The end of its standard error, redacted. */
  lastWords(): string;
  signal(name: "SIGTERM" | "SIGKILL"): void;
  /** Stops or goes on reading what it says; a full pipe makes it wait. Once it is gone, the rest is read anyway. */
  hold(held: boolean): void;
}

const LAST_WORDS_CHARS = 4096;
/** More than is told: what stands at the cut may be half a secret, and goes. */
const KEPT_BYTES = 4 * LAST_WORDS_CHARS;

/** In its checkout, or in its home when it is started before there is one. */
export function startAgent(start: AgentStart, grant: AgentGrant): AgentProcess {
  const env = agentEnvironment(start, grant, surroundings());
  const [program = "", ...args] = start.agent.command;
  const [file, ...lowered] = lowerArgv([program, ...args], env["PATH"]);
  const child = spawn(file, lowered, {
    cwd: start.checkout ?? start.home,
    env,
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
  lowerGroup(child);
  const words = keepTail(child.stderr);
  child.stdin.on("error", () => {
    // It is gone; `exited` says so.
  });
  const isGone = () => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? null,
    stdin: child.stdin,
    stdout: child.stdout,
    exited: exitOf(child),
    lastWords: () => withoutSecrets(words(), grant).trim().slice(-LAST_WORDS_CHARS),
    signal: (name) => signalGroup(child.pid, name),
    hold: (held) => void (held && !isGone() ? child.stdout.pause() : child.stdout.resume()),
  };
}

/** As this process knows the machine; our own Node is found last, after the machine's. */
export function surroundings(): AgentSurroundings {
  const { PATH = "/usr/local/bin:/usr/bin:/bin", LANG = "C.UTF-8" } = process.env;
  return { path: [PATH, dirname(process.execPath)].join(delimiter), lang: LANG, isRoot: process.getuid?.() === 0 };
}

/** Without shapes of secrets, and without the values that this agent was given in confidence. */
function withoutSecrets(text: string, { gateway, secretEnv }: AgentGrant): string {
  return redactValues(redactText(text), [...Object.values(secretEnv), ...(gateway === null ? [] : [gateway.key])]);
}

function exitOf(child: ChildProcess): Promise<AgentExit> {
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
    // Nothing more to hear.
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
