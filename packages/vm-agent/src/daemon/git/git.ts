/**
 * Runs git with an environment and settings that turn off everything a repository could start: hooks, helpers, filters,
 * pagers and transports that run commands. On a checkout it runs in the workspace's shell; only in repositories that no
 * workspace can write it runs on the node, where it may have a login. Keeps S1.
 */
import { spawn } from "node:child_process";
import { delimiter, isAbsolute, resolve } from "node:path";
import type { Writable } from "node:stream";
import { RunningClock, systemClock, systemTimers } from "@samovar/base";
import { findProgram, lowerStarted } from "@samovar/processes";
import type { WorkspaceShell } from "../../runtime/workspace-shell.ts";
import { STDERR_KEPT, STDOUT_MAX } from "../../runtime/workspace-shell.ts";
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
  /** HOME: git reads no settings of the node's user. With a shell, the shell's counts. */
  readonly home: string;
  /** Runs git there, on the paths that the workspace sees, and without a login. Otherwise git runs on the node. */
  readonly shell?: WorkspaceShell;
  /** Settings in addition to the safe ones, such as `protocol.file.allow=always` for a local path. */
  readonly settings?: readonly string[];
  /** Pins the repository, so that files in the checkout cannot redirect git. */
  readonly repository?: { readonly gitDir: string; readonly workTree?: string };
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

/** Environment variables passed to a git on the node: its network settings. */
const PASSED_ON = [
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

/** What goes in and out besides the arguments. */
export interface GitStreams {
  readonly input?: string;
  /** On the node: writes the input, and ends it. */
  readonly write?: (stdin: Writable) => Promise<void>;
  /** In a shell: gets the output in place of the result; not ended. */
  readonly sink?: Writable;
}

/** Resolves with any exit code. Throws {@link GitMissingError}, or an abort's reason. */
export async function git(args: readonly string[], options: GitOptions, streams: GitStreams = {}): Promise<GitRun> {
  const words = [...getGitSettings(options).flatMap((setting) => ["-c", setting]), ...args];
  if (options.shell !== undefined) return runInShell(options.shell, ["git", ...words], options, streams);
  return run(words, options, streams);
}

/** Runs another program in the options' shell, in git's environment: one of the repository's hooks, for example. */
export function runBesideGit(
  argv: readonly string[],
  options: GitOptions & { readonly shell: WorkspaceShell },
  streams: Omit<GitStreams, "write"> = {},
): Promise<GitRun> {
  return runInShell(options.shell, argv, options, streams);
}

function runInShell(
  shell: WorkspaceShell,
  argv: readonly string[],
  options: GitOptions,
  { input, sink }: GitStreams,
): Promise<GitRun> {
  const command = {
    argv,
    cwd: options.cwd,
    env: getGitVariables(options),
    ...(input === undefined ? {} : { input }),
    ...(sink === undefined ? {} : { sink }),
  };
  return withLimits(
    options,
    () => shell.kill(),
    async () => {
      const done = await shell.run(command);
      return { ...done, stdout: done.stdout.toString("utf8") };
    },
  );
}

async function run(args: readonly string[], options: GitOptions, { input, write }: GitStreams): Promise<GitRun> {
  options.signal?.throwIfAborted();
  const env = getNodeEnvironment(options);
  const program = findProgram("git", env["PATH"] ?? "");
  if (program === null) throw new GitMissingError("git is not installed on this node");
  const child = spawn(program, args, { cwd: options.cwd, env, stdio: ["pipe", "pipe", "pipe"], detached: true });
  lowerStarted(child);
  // A process that does not read its input closes the pipe.
  child.stdin.on("error", () => {});
  const killGroup = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // The process has exited already.
    }
  };
  return withLimits(options, killGroup, async () => {
    if (write === undefined) child.stdin.end(input ?? "");
    const [done] = await Promise.all([collect(child), write?.(child.stdin)]);
    return done;
  });
}

/** Throws an abort's reason. */
async function withLimits<T>({ signal, timeoutMs }: GitOptions, kill: () => void, work: () => Promise<T>): Promise<T> {
  signal?.throwIfAborted();
  const cancelLimit = new RunningClock(systemClock, systemTimers).after(timeoutMs ?? DEFAULT_TIMEOUT_MS, kill);
  signal?.addEventListener("abort", kill);
  try {
    const done = await work();
    signal?.throwIfAborted();
    return done;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    cancelLimit();
    signal?.removeEventListener("abort", kill);
  }
}

function getGitSettings({ lfs, login, settings, shell }: GitOptions): readonly string[] {
  return [
    ...SAFE_SETTINGS,
    ...(lfs === true ? LFS_FILTERS : NO_LFS),
    ...(login == null || shell !== undefined ? [] : getLoginSettings(login)),
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
    child.on("error", reject);
    child.on("close", (code, signal) => {
      const reason = signal === null ? "" : `\ngit was ended by ${signal}`;
      resolve({ code: code ?? 128, stdout: Buffer.concat(stdout).toString("utf8"), stderr: stderr + reason });
    });
  });
}

/** Without the directories of a server of the local cloud, which an agent without a sandbox may write. */
function getPath(): string {
  const root = process.env["SAMOVAR_ROOT"] ?? "";
  const directories = (process.env["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  return directories.filter((path) => root === "" || !`${resolve(path)}/`.startsWith(`${root}/`)).join(delimiter);
}

function getNodeEnvironment(options: GitOptions): NodeJS.ProcessEnv {
  const passed = PASSED_ON.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return {
    ...Object.fromEntries(passed),
    PATH: getPath(),
    HOME: options.home,
    XDG_CONFIG_HOME: `${options.home}/.config`,
    GIT_SSH_COMMAND: process.env["GIT_SSH_COMMAND"] ?? "ssh -oBatchMode=yes -oStrictHostKeyChecking=accept-new",
    ...(options.login == null ? {} : getLoginEnvironment(options.login)),
    ...getGitVariables(options),
  };
}

function getGitVariables({ globalConfig, lfs, repository, shell }: GitOptions): Record<string, string> {
  return {
    LC_ALL: "C",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "",
    SSH_ASKPASS: "",
    GIT_TEMPLATE_DIR: "",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: shell === undefined ? (globalConfig ?? "/dev/null") : "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    ...(lfs === true ? {} : { GIT_LFS_SKIP_SMUDGE: "1" }),
    GIT_OPTIONAL_LOCKS: "0",
    ...(repository === undefined
      ? {}
      : {
          GIT_DIR: repository.gitDir,
          GIT_COMMON_DIR: repository.gitDir,
          ...(repository.workTree === undefined ? {} : { GIT_WORK_TREE: repository.workTree }),
        }),
  };
}

/** Where the node has a path of the options' repository. Only what a file is may be read there, not what is in it. */
export function getNodePath(path: string, { shell }: GitOptions): string {
  return shell === undefined ? path : shell.toNodePath(path);
}

/** The last lines of git's output, for people: without progress and empty lines. */
export function getOutputTail(stderr: string, maxLines = 6): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  return lines.slice(-maxLines).join("\n").slice(-2000);
}

/** Throws with the end of git's stderr when it fails. */
export async function expectSuccess(
  args: readonly string[],
  options: GitOptions,
  streams: GitStreams = {},
): Promise<GitRun> {
  const done = await git(args, options, streams);
  if (done.code !== 0) throw new Error(`git ${args[0] ?? ""} failed: ${getOutputTail(done.stderr)}`);
  return done;
}
