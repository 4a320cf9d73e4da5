/** Runs a workspace's programs as ordinary processes with the node's rights, each in a separate process group. No boundary. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { lowerArgv, lowerGroup } from "@samovar/processes";
import type { EnterLimits } from "../limits/entry.ts";
import { readListUsage, type Usage } from "../limits/usage.ts";
import { findMarkedProcesses, reapSession } from "../session-host/reap.ts";
import { toPipes, readOutput } from "./pipes.ts";
import type { ProgramExit, RuntimeProcess, RuntimeProgram, WorkspacePlaces, WorkspaceRuntime } from "./runtime.ts";

export class ProcessRuntime implements WorkspaceRuntime {
  readonly kind = "process";
  readonly seen: WorkspacePlaces;
  readonly #mark: string;

  readonly #enter: EnterLimits;

  constructor(places: WorkspacePlaces, mark: string, enter: EnterLimits) {
    this.seen = places;
    this.#mark = mark;
    this.#enter = enter;
  }

  toNodePath(path: string): string {
    return path;
  }

  start({ argv, env, stdin }: RuntimeProgram): RuntimeProcess {
    const [file, ...words] = lowerArgv(this.#enter(argv), env["PATH"]);
    const child = spawn(file, words, {
      cwd: this.seen.checkout ?? this.seen.home,
      env,
      stdio: [stdin === "pipe" ? "pipe" : "ignore", "pipe", "pipe"],
      detached: true,
    });
    lowerGroup(child);
    const pid = child.pid ?? null;
    return {
      ...toPipes(child),
      pid,
      getProgramPid: () => pid,
      get hasExited() {
        return child.exitCode !== null || child.signalCode !== null;
      },
      exited: waitForExit(child),
      signal: (name) => signalGroup(pid, name),
    };
  }

  readUsage(max: Usage): Usage {
    return readListUsage(findMarkedProcesses(this.#mark), max);
  }

  /** Without `/proc`, or for a process that cleared its environment, only the process group could be killed. */
  end(): Promise<number> {
    return Promise.resolve(reapSession(this.#mark));
  }
}

function waitForExit(child: ChildProcess): Promise<ProgramExit> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ code: null, signal: null, error: error.message }));
    child.once("exit", (code, signal) => {
      void readOutput(child).then(() => resolve({ code, signal, error: null }));
    });
  });
}

function signalGroup(pid: number | null, name: "SIGTERM" | "SIGKILL"): void {
  if (pid === null) return;
  try {
    process.kill(-pid, name);
  } catch {
    // The group is gone already.
  }
}
