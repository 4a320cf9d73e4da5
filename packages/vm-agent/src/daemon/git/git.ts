/**
 * Runs git: argv only, in its own process group, with an environment and settings in which a repository can
 * start nothing: hooks, helpers, filters, pagers and transports that run commands are off. Keeps S1.
 */
import { spawn } from "node:child_process";
import { RunningClock, systemClock, systemTimers } from "@samovar/base";
import { lowerArgv, lowerGroup, lowerStarted } from "@samovar/processes";
import type { GitLogin } from "./login.ts";
import { loginEnvironment, loginSettings } from "./login.ts";

export interface GitRun {
  readonly code: number;
  readonly stdout: string;
  /** The last {@link STDERR_KEPT} characters. */
  readonly stderr: string;
}

export interface GitOptions {
  readonly cwd: string;
  /** HOME of the workspace: git reads nothing of the machine's user. */
  readonly home: string;
  /** Settings on top of the safe ones, such as `protocol.file.allow=always` for a local path. */
  readonly settings?: readonly string[];
  /** Pins the repository, so that what lies in the checkout cannot lead git elsewhere. */
  readonly repository?: { readonly gitDir: string; readonly workTree: string };
  /** Holds `safe.directory` for repositories that belong to another user of this machine. */
  readonly globalConfig?: string;
  /** For git's own talk with the remote; kept away from whatever else a command may start. */
  readonly login?: GitLogin | null;
  /** Git LFS's filters are on; all others stay off. */
  readonly lfs?: boolean;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

/** git could not be started: it is not installed. */
export class GitMissingError extends Error {
  override readonly name = "GitMissingError";
}

const STDERR_KEPT = 16_000;
const STDOUT_MAX = 32 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 15 * 60_000;

const SAFE_SETTINGS: readonly string[] = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.editor=true",
  "core.pager=cat",
  "core.attributesFile=/dev/null",
  "credential.helper=",
  "commit.gpgSign=false",
  "tag.gpgSign=false",
  "push.gpgSign=false",
  "gc.auto=0",
  "maintenance.auto=false",
  "submodule.recurse=false",
  "push.recurseSubmodules=no",
  "fetch.recurseSubmodules=no",
  "protocol.ext.allow=never",
  "advice.detachedHead=false",
  "init.defaultBranch=main",
];

/** Git LFS's own filters, by its own words; without them a file stays the pointer that it is. */
export const LFS_FILTERS: readonly string[] = [
  "filter.lfs.smudge=git-lfs smudge -- %f",
  "filter.lfs.clean=git-lfs clean -- %f",
  "filter.lfs.process=git-lfs filter-process",
  "filter.lfs.required=true",
];
const NO_LFS: readonly string[] = [
  "filter.lfs.smudge=",
  "filter.lfs.clean=",
  "filter.lfs.process=",
  "filter.lfs.required=false",
];

/** What git may know of the environment: the way to programs, and to the network. */
const PASSED_ON = [
  "PATH",
  "TMPDIR",
  "HTTPS_PROXY",
  "HTTP_PROXY",
  "NO_PROXY",
  "https_proxy",
  "http_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "SSH_AUTH_SOCK",
];

/** Any exit code is an answer. Throws {@link GitMissingError}, or an abort's reason. */
export async function git(args: readonly string[], options: GitOptions): Promise<GitRun> {
  const settings = settingsOf(options).flatMap((setting) => ["-c", setting]);
  return run("git", [...settings, ...args], options);
}

/** One of the repository's own hooks, where the project asks for them; `input` is what it reads. It gets no login. */
export function runHook(file: string, args: readonly string[], input: string, options: GitOptions): Promise<GitRun> {
  return run(file, args, { ...options, login: null }, input);
}

async function run(program: string, args: readonly string[], options: GitOptions, input = ""): Promise<GitRun> {
  options.signal?.throwIfAborted();
  const env = gitEnvironment(options);
  const isGit = program === "git";
  const [file, ...words] = isGit ? [program, ...args] : lowerArgv([program, ...args], env["PATH"]);
  const child = spawn(file, words, { cwd: options.cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
  if (isGit) lowerStarted(child);
  else lowerGroup(child);
  // Whoever does not read what it is told closes its end.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const killGroup = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has gone by itself.
    }
  };
  const cancelLimit = new RunningClock(systemClock, systemTimers).after(
    options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    killGroup,
  );
  options.signal?.addEventListener("abort", killGroup);
  try {
    const done = await collect(child);
    options.signal?.throwIfAborted();
    return done;
  } finally {
    cancelLimit();
    options.signal?.removeEventListener("abort", killGroup);
  }
}

function settingsOf({ lfs, login, settings }: GitOptions): readonly string[] {
  return [
    ...SAFE_SETTINGS,
    ...(lfs === true ? LFS_FILTERS : NO_LFS),
    ...(login == null ? [] : loginSettings(login)),
    ...(settings ?? []),
  ];
}

function collect(child: ReturnType<typeof spawn>): Promise<GitRun> {
  return new Promise((resolve, reject) => {
    const stdout: Buffer[] = [];
    let size = 0;
    let stderr = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= STDOUT_MAX) stdout.push(chunk);
    });
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      stderr = (stderr + chunk).slice(-STDERR_KEPT);
    });
    child.on("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT" && error.syscall === "spawn git";
      reject(missing ? new GitMissingError("git is not installed on this node") : error);
    });
    child.on("close", (code, signal) => {
      const reason = signal === null ? "" : `\ngit was ended by ${signal}`;
      resolve({ code: code ?? 128, stdout: Buffer.concat(stdout).toString("utf8"), stderr: stderr + reason });
    });
  });
}

function gitEnvironment(options: GitOptions): NodeJS.ProcessEnv {
  const passed = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(passed),
    HOME: options.home,
    XDG_CONFIG_HOME: `${options.home}/.config`,
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    GIT_SSH_COMMAND: process.env["GIT_SSH_COMMAND"] ?? "ssh -oBatchMode=yes -oStrictHostKeyChecking=accept-new",
    GIT_TEMPLATE_DIR: "",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: options.globalConfig ?? "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    ...(options.lfs === true ? {} : { GIT_LFS_SKIP_SMUDGE: "1" }),
    ...(options.login == null ? {} : loginEnvironment(options.login)),
    GIT_OPTIONAL_LOCKS: "0",
    ...(options.repository === undefined
      ? {}
      : {
          GIT_DIR: options.repository.gitDir,
          GIT_COMMON_DIR: options.repository.gitDir,
          GIT_WORK_TREE: options.repository.workTree,
        }),
  };
}

/** The last lines of what git said, for a person: without progress and empty lines. */
export function lastWords(stderr: string, maxLines = 6): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return lines.slice(-maxLines).join("\n").slice(-2000);
}

/** Throws with git's words when it fails. */
export async function expectSuccess(args: readonly string[], options: GitOptions): Promise<GitRun> {
  const done = await git(args, options);
  if (done.code !== 0) throw new Error(`git ${args[0] ?? ""} failed: ${lastWords(done.stderr)}`);
  return done;
}
