/**
 * Where a workspace's programs run: the agent, `samovar.setup` and all that they start. All runtimes keep one contract
 * (`runtime.contract.test.ts`); sandbox and docker are a boundary between a workspace and its node.
 */
import type { Readable, Writable } from "node:stream";
import type { Usage } from "../limits/usage.ts";
import type { Result } from "@samovar/base";
import type { Failure } from "@samovar/contracts";

/** Absolute paths on the node. */
export interface WorkspacePlaces {
  /** Null for an agent that is started before its checkout is known. */
  readonly checkout: string | null;
  readonly home: string;
}

export interface RuntimeProgram {
  readonly argv: readonly [file: string, ...args: string[]];
  /** The whole environment. It is never passed as arguments, because every user can read those. */
  readonly env: Readonly<Record<string, string>>;
  readonly stdin: "pipe" | "none";
  /** Processes that it leaves running stay until {@link WorkspaceRuntime.end}. Otherwise they may end with it. */
  readonly leavesServices: boolean;
}

export interface ProgramExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why the program could not be started; null otherwise. */
  readonly error: string | null;
}

export interface RuntimeProcess {
  /** Of the process that was started on the node; null when it could not be started. */
  readonly pid: number | null;
  /** The program's own process, for its state and CPU time; null when it could not be started. */
  getProgramPid(): number | null;
  /** Null without a pipe. */
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The program has exited; its output may still be read. */
  readonly hasExited: boolean;
  /** Resolves when the program has exited and its output was read to the end. */
  readonly exited: Promise<ProgramExit>;
  /** Signals the program and the processes of its group. SIGKILL also ends its services in a sandbox. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

export interface PrepareProgress {
  readonly signal: AbortSignal;
  /** Whether code of the project that runs meanwhile may use the network. */
  readonly allowsNetwork: boolean;
  /** Output for people, in parts of lines. Called only when there is something to wait for. */
  onOutput(text: string): void;
}

export interface Prepared {
  /** argv of commands that the project's configuration wants to run in the checkout before anything else. */
  readonly commands: readonly (readonly [file: string, ...args: string[]])[];
}

export interface WorkspaceRuntime {
  readonly kind: "process" | "sandbox" | "docker";
  /** The workspace's places as its programs see them: the paths that the agent gets, and that its updates name. */
  readonly seen: WorkspacePlaces;
  /** Whether its programs are uid 0, even if only in a namespace without rights. */
  readonly isRoot: boolean;
  /** The node's path for an absolute one that a program names; null where a sandbox shows neither checkout nor home. */
  toNodePath(path: string): string | null;
  /**
   * Gets ready for programs, which may take long: an image is pulled or built. Once, before the first start, or not at all.
   * Absent where nothing is to be done. Never throws.
   */
  prepare?(progress: PrepareProgress): Promise<Result<Prepared, Failure>>;
  /** Starts in the checkout, or in the home while there is no checkout. */
  start(program: RuntimeProgram): RuntimeProcess;
  /** What everything that was started uses now; above `max` it need not be exact. */
  readUsage(max: Usage): Usage;
  /** Kills everything that was started. Resolves, with the number of processes or sandboxes killed, when they are gone. */
  end(): Promise<number>;
}
