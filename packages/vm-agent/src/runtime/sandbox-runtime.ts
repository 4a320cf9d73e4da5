/**
 * Runs each of a workspace's programs in a bubblewrap sandbox: its own mounts, PIDs, IPC and user namespace, without
 * capabilities, in the one network of its workspace. When the program, its host or this object ends, the kernel kills everything inside. Keeps S1, T1.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants } from "node:os";
import { join, relative } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Timers } from "@samovar/base";
import { parseJson } from "@samovar/base";
import type { HostSandbox, HostUser } from "@samovar/contracts";
import { isAlive, lowerArgv, lowerGroup, lowerGroupOf, markProcess, type ProcessMark } from "@samovar/processes";
import * as z from "zod";
import type { EnterLimits } from "../limits/entry.ts";
import { NO_USAGE, readMemoryFiles, readTreeUsage, type Usage } from "../limits/usage.ts";
import { becomeUser } from "../users/become-user.ts";
import { makePlaces } from "../users/places.ts";
import { writeAccount } from "./account.ts";
import { readOutput, toPipes } from "./pipes.ts";
import type { ProgramExit, RuntimeProcess, RuntimeProgram, WorkspacePlaces, WorkspaceRuntime } from "./runtime.ts";
import type { ProgramNetwork } from "./network/workspace-network.ts";
import { createCallFilter, passCallFilter } from "./call-filter.ts";
import { getSandboxArguments, SEEN } from "./sandbox-arguments.ts";

export interface SandboxOptions {
  /** On the node. */
  readonly home: string;
  readonly sandbox: HostSandbox;
  /** Open before a program starts. */
  readonly network: { readonly programs: ProgramNetwork };
  readonly timers: Timers;
  readonly enter: EnterLimits;
  /** The user who starts bubblewrap and all programs in it; null: the user of this process. */
  readonly user: HostUser | null;
}

type SignalName = "SIGTERM" | "SIGKILL";

/** Descriptors on which bubblewrap reports the sandbox, and the wrapper below the program's exit code; and of the filter of calls. */
const INFO_FD = 3;
const EXIT_FD = 4;
const FILTER_FD = 5;

/**
 * A sandbox ends with its first process. So this one waits for the program, reports its exit code, and stays for the
 * services that it started. SIGTERM is for the program only.
 */
const STAYING = `trap : TERM; "$@" </dev/null ${EXIT_FD}>&-; echo $? >&${EXIT_FD}; exec ${EXIT_FD}>&- >/dev/null 2>&1; exec sleep 2147483647`;

const POLL_MS = 5;
/** The kernel has killed the processes by then; one that waits for a broken disk may stay longer. */
const GONE_POLLS = 1000;

export class SandboxRuntime implements WorkspaceRuntime {
  readonly kind = "sandbox";
  readonly seen: WorkspacePlaces = SEEN;
  readonly isRoot: boolean;
  readonly #options: SandboxOptions;
  readonly #running = new Set<Sandbox>();

  constructor(options: SandboxOptions) {
    this.#options = options;
    this.isRoot = getUid(options.user) === 0;
  }

  toNodePath(path: string): string | null {
    const { home, sandbox } = this.#options;
    const place = [
      { seen: SEEN.checkout, at: sandbox.checkout },
      { seen: SEEN.home, at: home },
    ].find(({ seen }) => path === seen || path.startsWith(`${seen}/`));
    return place === undefined ? null : join(place.at, relative(place.seen, path));
  }

  start(program: RuntimeProgram): RuntimeProcess {
    const { home, sandbox, network, timers, enter, user } = this.#options;
    const { enter: enterNetwork, environment, files } = network.programs;
    const places = { checkout: sandbox.checkout, home, tmp: sandbox.tmp };
    makePlaces({ ...places, repo: places.checkout }, user);
    const words = program.leavesServices ? ["/bin/sh", "-c", STAYING, "sh", ...program.argv] : program.argv;
    const mounts = getSandboxArguments(places, sandbox, program.argv, program.env["PATH"] ?? "", user);
    const account = writeAccount(sandbox.tmp, SEEN.home, getUid(user));
    const shown = Object.entries({ ...files, ...account }).flatMap(([seen, file]) => ["--ro-bind", file, seen]);
    const isolated = enterNetwork.length === 0 ? ["--unshare-net"] : [];
    const calls = createCallFilter(process.arch);
    const filter = calls === null ? [] : ["--seccomp", String(FILTER_FD)];
    const argv = [...mounts, ...isolated, ...shown, ...filter, "--info-fd", String(INFO_FD), "--", ...words];
    // The network's variables come last: without its proxies a program reaches nothing.
    const inside = { ...program, env: { ...program.env, ...environment } };
    const [file = sandbox.program, ...rest] = [...enterNetwork, ...becomeUser(user, [sandbox.program, ...argv])];
    const started = new Sandbox(enter([file, ...rest]), { ...inside, calls }, timers);
    this.#running.add(started);
    void started.gone.then(() => this.#running.delete(started));
    return started;
  }

  readUsage(max: Usage): Usage {
    return [...this.#running].reduce((all, each) => {
      const used = each.readUsage(max);
      return {
        processes: all.processes + used.processes,
        memoryBytes: all.memoryBytes + used.memoryBytes,
      };
    }, NO_USAGE);
  }

  async end(): Promise<number> {
    const running = [...this.#running];
    for (const each of running) each.signal("SIGKILL");
    await Promise.all(running.map((each) => each.gone));
    return running.length;
  }
}

const getUid = (user: HostUser | null): number => user?.id ?? process.getuid?.() ?? 0;

const sandboxInfo = z.object({ "child-pid": z.number().int().positive() });

class Sandbox implements RuntimeProcess {
  readonly pid: number | null;
  readonly stdin: RuntimeProcess["stdin"];
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exited: Promise<ProgramExit>;
  /** Resolves when no process of the sandbox is left. */
  readonly gone: Promise<void>;
  readonly #child: ChildProcess;
  readonly #timers: Timers;
  readonly #info: Promise<void>;
  /** The sandbox's process 1; null until bubblewrap has reported it. */
  #init: ProcessMark | null = null;
  #programPid: number | null = null;
  #signalFirst: SignalName | null = null;
  #hasExited = false;

  constructor(
    argv: readonly [file: string, ...args: string[]],
    { env, stdin, leavesServices, calls }: RuntimeProgram & { readonly calls: Buffer | null },
    timers: Timers,
  ) {
    this.#timers = timers;
    const [file, ...words] = lowerArgv(argv, env["PATH"]);
    const child = spawn(file, words, {
      cwd: "/",
      env,
      stdio: [
        stdin === "pipe" ? "pipe" : "ignore",
        "pipe",
        "pipe",
        "pipe",
        leavesServices ? "pipe" : "ignore",
        calls === null ? "ignore" : "pipe",
      ],
      detached: true,
    });
    this.#child = child;
    passCallFilter(child, FILTER_FD, calls);
    lowerGroup(child);
    this.pid = child.pid ?? null;
    const { stdin: input, stdout, stderr } = toPipes(child);
    this.stdin = input;
    this.stdout = stdout;
    this.stderr = stderr;
    const over = new Promise<ProgramExit>((resolve) => {
      child.once("error", (error) => resolve({ code: null, signal: null, error: error.message }));
      child.once("exit", (code, signal) => resolve({ ...toExit(code), ...(signal === null ? {} : { signal }) }));
    });
    this.#info = this.#readInfo();
    this.gone = over.then(() => this.#waitUntilGone());
    this.exited = this.#waitForExit(over);
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** bubblewrap itself only waits. */
  getProgramPid(): number | null {
    if (this.#programPid === null && this.#init !== null) this.#programPid = readFirstChild(this.#init.pid);
    return this.#programPid ?? this.#init?.pid ?? this.pid;
  }

  /** With the files that it has in memory. */
  readUsage(max: Usage): Usage {
    const init = this.#init?.pid;
    if (init === undefined) return NO_USAGE;
    const { processes, memoryBytes } = readTreeUsage(init, max);
    return { processes, memoryBytes: memoryBytes + readMemoryFiles(init) };
  }

  signal(name: SignalName): void {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    if (this.#init === null) {
      this.#signalFirst = this.#signalFirst === "SIGKILL" ? "SIGKILL" : name;
      return;
    }
    // Process 1 leads the group of the program and ignores SIGTERM. Before there is a group, the program has not started.
    if (!tryKill(-this.#init.pid, name) || name === "SIGKILL") tryKill(this.#init.pid, "SIGKILL");
  }

  async #readInfo(): Promise<void> {
    const pipe = this.#child.stdio[INFO_FD];
    if (!isReadable(pipe)) return;
    const parsed = sandboxInfo.safeParse(parseJson(await text(pipe).catch(() => "")));
    if (!parsed.success) return;
    this.#init = markProcess(parsed.data["child-pid"]);
    lowerGroupOf(this.#init.pid, () => this.#hasExited);
    if (this.#signalFirst !== null) this.signal(this.#signalFirst);
  }

  async #waitForExit(over: Promise<ProgramExit>): Promise<ProgramExit> {
    const exit = await Promise.race([this.#readExitCode(over), over.then((ended) => this.gone.then(() => ended))]);
    this.#hasExited = true;
    await readOutput(this.#child);
    return exit;
  }

  /** For a program whose services stay. Never resolves for others, and when the sandbox ends first. */
  async #readExitCode(over: Promise<ProgramExit>): Promise<ProgramExit> {
    const pipe = this.#child.stdio[EXIT_FD];
    const reported = isReadable(pipe) ? await text(pipe).catch(() => "") : "";
    return /^\d+\n$/.test(reported) ? toExit(Number(reported)) : over.then((ended) => this.gone.then(() => ended));
  }

  /** bubblewrap exits as soon as its program has; the kernel then kills the rest, which takes a moment. */
  async #waitUntilGone(): Promise<void> {
    await this.#info;
    const init = this.#init;
    if (init === null) return;
    if (isAlive(init)) tryKill(init.pid, "SIGKILL");
    for (let poll = 0; poll < GONE_POLLS && isAlive(init); poll++) {
      await new Promise<void>((resolve) => this.#timers.after(POLL_MS, resolve));
    }
  }
}

/** As a shell reports it: the code of a program that a signal ended is 128 and the signal's number. */
function toExit(code: number | null): ProgramExit {
  const signal = Object.entries(constants.signals).find(([, number]) => number === (code ?? 0) - 128)?.[0];
  return signal === undefined ? { code, signal: null, error: null } : { code: null, signal, error: null };
}

function readFirstChild(pid: number): number | null {
  try {
    const first = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ")[0] ?? "";
    return first === "" ? null : Number(first);
  } catch {
    return null;
  }
}

function tryKill(target: number, name: SignalName): boolean {
  try {
    process.kill(target, name);
    return true;
  } catch {
    return false;
  }
}

const isReadable = (pipe: unknown): pipe is Readable =>
  typeof pipe === "object" && pipe !== null && "read" in pipe && typeof pipe.read === "function";
