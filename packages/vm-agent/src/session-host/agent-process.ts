/** The agent's process: its own group, a minimal environment, its last words kept. Keeps S1. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { delimiter, dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { HostLaunch } from "@samovar/contracts";
import { redactText } from "@samovar/base";

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

/** What a gateway gives the agent in place of the real key. */
export interface GatewayAccess {
  readonly url: string;
  readonly key: string;
}

/** Every process of a session carries its id under this name, so that none is left behind. */
export const SESSION_MARK = "SAMOVAR_SESSION";

const LAST_WORDS_BYTES = 4096;
const PIPE_GRACE_MS = 1000;

export function startAgent(launch: HostLaunch, gateway: GatewayAccess | null): AgentProcess {
  const [file = "", ...args] = launch.agent.command;
  const child = spawn(file, args, {
    cwd: launch.cwd,
    env: agentEnvironment(launch, gateway),
    stdio: ["pipe", "pipe", "pipe"],
    detached: true,
  });
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
    lastWords: () => redactText(words()).trim(),
    signal: (name) => signalGroup(child.pid, name),
    hold: (held) => void (held && !isGone() ? child.stdout.pause() : child.stdout.resume()),
  };
}

export function agentEnvironment(launch: HostLaunch, gateway: GatewayAccess | null): Record<string, string> {
  const { PATH = "/usr/local/bin:/usr/bin:/bin", LANG = "C.UTF-8" } = process.env;
  return {
    PATH: [PATH, dirname(process.execPath)].join(delimiter),
    LANG,
    HOME: launch.home,
    ...(launch.agent.kind === "claude" ? claudeEnvironment(launch.home) : {}),
    ...launch.agent.env,
    ...(gateway === null ? {} : { ANTHROPIC_BASE_URL: gateway.url, ANTHROPIC_API_KEY: gateway.key }),
    [SESSION_MARK]: launch.sessionId,
  };
}

function claudeEnvironment(home: string): Record<string, string> {
  const isRoot = process.getuid?.() === 0;
  return {
    CLAUDE_CONFIG_DIR: `${home}/.claude`,
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    ...(isRoot ? { IS_SANDBOX: "1" } : {}),
  };
}

function exitOf(child: ChildProcess): Promise<AgentExit> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error: error.message }));
    child.once("exit", (code, signal) => {
      const done = () => resolve({ code, signal, error: null });
      // A process that it left behind may hold the pipe open for ever; the rest of its output is there at once.
      const timer = setTimeout(done, PIPE_GRACE_MS);
      child.once("close", () => {
        clearTimeout(timer);
        done();
      });
      child.stdout?.resume();
    });
  });
}

function keepTail(stream: Readable): () => string {
  let tail = Buffer.alloc(0);
  stream.on("data", (bytes: Buffer) => {
    tail = Buffer.concat([tail, bytes]).subarray(-LAST_WORDS_BYTES);
  });
  stream.on("error", () => {
    // Nothing more to hear.
  });
  return () => tail.toString("utf8");
}

function signalGroup(pid: number | undefined, name: "SIGTERM" | "SIGKILL"): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, name);
  } catch {
    // The group is gone already.
  }
}
