/**
 * Runs a workspace's programs as ordinary processes, each in a separate process group: as the workspace's user where it has one (its
 * only boundary), else with the node's rights.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { HostUser } from "@samovar/contracts";
import { lowerArgv, lowerGroup } from "@samovar/processes";
import type { EnterLimits } from "../limits/entry.ts";
import { readListUsage, type Usage } from "../limits/usage.ts";
import { findMarkedProcesses, reapSession } from "../session-host/reap.ts";
import { becomeUser } from "../users/become-user.ts";
import { findUserProcesses } from "../users/end-user.ts";
import { killUser } from "../users/kill-user.ts";
import { toPipes, readOutput } from "./pipes.ts";
import type { ProgramExit, RuntimeProcess, RuntimeProgram, WorkspacePlaces, WorkspaceRuntime } from "./runtime.ts";

export interface ProcessOptions {
  readonly places: WorkspacePlaces;
  /** The session's mark, which its processes have in their environment. */
  readonly mark: string;
  readonly enter: EnterLimits;
  /** Null: the user of this process. */
  readonly user: HostUser | null;
  /** Whether all processes of the user end with this runtime, even without the mark. */
  readonly endsUser: boolean;
}

export class ProcessRuntime implements WorkspaceRuntime {
  readonly kind = "process";
  readonly seen: WorkspacePlaces;
  readonly isRoot: boolean;
  readonly #mark: string;
  readonly #enter: EnterLimits;
  readonly #user: HostUser | null;
  readonly #endsUser: boolean;

  constructor({ places, mark, enter, user, endsUser }: ProcessOptions) {
    this.seen = places;
    this.isRoot = user === null && process.getuid?.() === 0;
    this.#mark = mark;
    this.#enter = enter;
    this.#user = user;
    this.#endsUser = endsUser;
  }

  toNodePath(path: string): string {
    return path;
  }

  start({ argv, env, stdin }: RuntimeProgram): RuntimeProcess {
    const [file, ...words] = lowerArgv(this.#enter(becomeUser(this.#user, argv)), env["PATH"]);
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
    const found = this.#user === null ? findMarkedProcesses(this.#mark) : findUserProcesses(this.#user);
    return readListUsage(found, max);
  }

  /** Without a user, or `/proc`, only the process group could be killed of a process that cleared its environment. */
  async end(): Promise<number> {
    const marked = reapSession(this.#mark);
    if (this.#user === null || !this.#endsUser) return marked;
    const found = findUserProcesses(this.#user).length;
    killUser(this.#user);
    return marked + found;
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
