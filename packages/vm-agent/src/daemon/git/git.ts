/**
 * Runs git: argv only, in a separate process group, with an environment and settings that turn off everything a repository
 * could start: hooks, helpers, filters, pagers and transports that run commands. Keeps S1.
 */
import { spawn } from "node:child_process";
import { RunningClock, systemClock, systemTimers } from "@samovar/base";
import { lowerArgv, lowerGroup, lowerStarted } from "@samovar/processes";
import type { GitLogin } from "./login.ts";
import { getLoginEnvironment, getLoginSettings } from "./login.ts";

export interface GitRun {
  readonly code: number;
  readonly stdout: string;
  /** The last {@link STDERR_KEPT} characters. */
  readonly stderr: string;
}

export interface GitOptions {
  readonly cwd: string;
  /** HOME of the workspace: git reads no settings of the node's user. */
  readonly home: string;
  /** Settings in addition to the safe ones, such as `protocol.file.allow=always` for a local path. */
  readonly settings?: readonly string[];
  /** Pins the repository, so that files in the checkout cannot redirect git. */
  readonly repository?: { readonly gitDir: string; readonly workTree: string };
  /** Sets `safe.directory` for repositories that belong to another user of the node. */
  readonly globalConfig?: string;
  /** For git's communication with the remote. Hooks don't get it. */
  readonly login?: GitLogin | null;
  /** Turns on Git LFS's filters; all others stay off. */
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

/** The filters that Git LFS installs; without them an LFS file stays a pointer. */
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

/** Environment variables passed to git: paths of programs, and network settings. */
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

/** Resolves with any exit code. Throws {@link GitMissingError}, or an abort's reason. */
export async function git(args: readonly string[], options: GitOptions): Promise<GitRun> {
  const settings = getGitSettings(options).flatMap((setting) => ["-c", setting]);
  return run("git", [...settings, ...args], options);
}

/** Runs one of the repository's hooks, for projects that ask for them, with `input` on its stdin and without a login. */
export function runHook(file: string, args: readonly string[], input: string, options: GitOptions): Promise<GitRun> {
  return run(file, args, { ...options, login: null }, input);
}

async function run(program: string, args: readonly string[], options: GitOptions, input = ""): Promise<GitRun> {
  options.signal?.throwIfAborted();
  const env = getGitEnvironment(options);
  const isGit = program === "git";
  const [file, ...words] = isGit ? [program, ...args] : lowerArgv([program, ...args], env["PATH"]);
  const child = spawn(file, words, { cwd: options.cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
  if (isGit) lowerStarted(child);
  else lowerGroup(child);
  // A process that does not read its input closes the pipe.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const killGroup = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // The process has exited already.
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

function getGitSettings({ lfs, login, settings }: GitOptions): readonly string[] {
  return [
    ...SAFE_SETTINGS,
    ...(lfs === true ? LFS_FILTERS : NO_LFS),
    ...(login == null ? [] : getLoginSettings(login)),
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

function getGitEnvironment(options: GitOptions): NodeJS.ProcessEnv {
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
    ...(options.login == null ? {} : getLoginEnvironment(options.login)),
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

/** The last lines of git's output, for people: without progress and empty lines. */
export function getOutputTail(stderr: string, maxLines = 6): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return lines.slice(-maxLines).join("\n").slice(-2000);
}

/** Throws with the end of git's stderr when it fails. */
export async function expectSuccess(args: readonly string[], options: GitOptions): Promise<GitRun> {
  const done = await git(args, options);
  if (done.code !== 0) throw new Error(`git ${args[0] ?? ""} failed: ${getOutputTail(done.stderr)}`);
  return done;
}
