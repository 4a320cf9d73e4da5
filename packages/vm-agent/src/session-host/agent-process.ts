/** The agent's process: with a minimal environment and the tail of its stderr. Keeps S1. */
import { delimiter, dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import { redactText } from "@samovar/base";
import type { ProgramExit, WorkspaceRuntime } from "../runtime/runtime.ts";
import { createAgentEnvironment } from "./agent-environment.ts";
import type { AgentGrant, AgentStart, AgentSurroundings } from "./agent-environment.ts";

export interface AgentProcess {
  /** Null when the process could not be started. */
  readonly pid: number | null;
  /** The agent's own process, for its state and CPU time. */
  getProgramPid(): number | null;
  readonly stdin: Writable;
  readonly stdout: Readable;
  /** Resolves when the process has exited and its output was read to the end. */
  readonly exited: Promise<ProgramExit>;
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
export function startAgent(start: AgentStart, grant: AgentGrant, runtime: WorkspaceRuntime): AgentProcess {
  const env = createAgentEnvironment(start, grant, readSurroundings(runtime));
  const [file = "", ...args] = start.agent.command;
  const started = runtime.start({ argv: [file, ...args], env, stdin: "pipe", leavesServices: false });
  const { pid, stdin, stdout, exited } = started;
  if (stdin === null) throw new Error("the agent was started without a pipe for its input");
  const readTail = keepTail(started.stderr);
  return {
    pid,
    getProgramPid: () => started.getProgramPid(),
    stdin,
    stdout,
    exited,
    getStderrTail: (redact) => redactText(redact(readTail())).trim().slice(-STDERR_TAIL_CHARS),
    signal: (name) => started.signal(name),
    setPaused: (paused) => void (paused && !started.hasExited ? stdout.pause() : stdout.resume()),
  };
}

/** Reads the node's PATH and locale. The vm-agent's Node comes last on the PATH, after the node's programs. */
export function readSurroundings({ isRoot }: Pick<WorkspaceRuntime, "isRoot">): AgentSurroundings {
  const { PATH = "/usr/local/bin:/usr/bin:/bin", LANG = "C.UTF-8" } = process.env;
  return { path: [PATH, dirname(process.execPath)].join(delimiter), lang: LANG, isRoot };
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
