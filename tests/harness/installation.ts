/** A real installation in a new directory: `samovar up` as a process, and its CLI. */
import { type ChildProcess, spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { taskView, type TaskView } from "@samovar/contracts";

const root = join(import.meta.dirname, "../..");
const main = join(root, "apps/cli/bin/samovar.mjs");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Installation {
  readonly dataDir: string;
  readonly url: string;
  /** Where a browser opens the pages. */
  readonly pageUrl: string;
  readonly signInUrl: string;
  /** The process of `samovar up`. */
  readonly process: ChildProcess;
  /** Runs a CLI command against this installation. */
  samovar(args: readonly string[], options?: { readonly input?: string; readonly cwd?: string }): Promise<Finished>;
  /** Starts a CLI command and reads its JSON lines as they arrive. */
  follow(args: readonly string[]): Followed;
  /** Throws {@link ApiRefusal} when the request is refused. */
  api<T = unknown>(path: string, init?: ApiCall): Promise<T>;
  /** Sends a request to the local cloud as its customer. */
  cloud<T = unknown>(path: string, init?: ApiCall): Promise<T>;
  /** Sends Ctrl-C and waits for the process to exit. */
  stop(): Promise<number | null>;
}

export interface ApiCall {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ApiRefusal extends Error {
  readonly status: number;
  constructor(path: string, status: number, text: string) {
    super(`${path}: ${status} ${text}`);
    this.status = status;
  }
}

export interface Followed {
  /** Resolves with the first line that satisfies `wanted`, including earlier lines. */
  until(wanted: (line: Record<string, unknown>) => boolean): Promise<Record<string, unknown>>;
  readonly finished: Promise<Finished>;
  readonly process: ChildProcess;
}

export async function temporaryDirectory(name = "samovar-"): Promise<string> {
  return mkdtemp(join(tmpdir(), name));
}

/** The environment without anything that could influence a test, such as the developer's keys and settings. */
function cleanEnvironment(extra: Readonly<Record<string, string>>): Record<string, string> {
  const kept = ["PATH", "HOME", "LANG", "TMPDIR", "USER", "npm_config_cache"];
  const own = kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]));
  // Many tests act through an agent's script on files and processes outside its workspace.
  const runtime = process.env["WORKSPACE_RUNTIME"] ?? "process";
  return { ...Object.fromEntries(own), NO_COLOR: "1", WORKSPACE_RUNTIME: runtime, ...extra };
}

export interface InstallationOptions {
  /** Overrides settings. */
  readonly env?: Readonly<Record<string, string>>;
  /** Further arguments of `samovar up`. */
  readonly args?: readonly string[];
  /** Continues an earlier installation. */
  readonly dataDir?: string;
  readonly port?: number;
  /**
   * In a separate process session, as from a separate terminal: Linux shares the cores between sessions first, so measuring
   * processes in one session with what they measure takes its time. It then gets no Ctrl-C from this process's terminal.
   */
  readonly separateSession?: boolean;
}

export async function startInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const dataDir = options.dataDir ?? (await makeDataDirectory());
  const env = cleanEnvironment(options.env ?? {});
  const port = options.port ?? (options.dataDir === undefined ? 0 : undefined);
  const args = [
    "up",
    "--json",
    "--no-open",
    "--data-dir",
    dataDir,
    ...(port === undefined ? [] : ["--port", String(port)]),
    ...(options.args ?? []),
  ];
  const up = follow(args, env, options.separateSession);
  const ready = await up.until((line) => line["event"] === "ready");
  const url = String(ready["url"]);
  const cli = (words: readonly string[]) => [...words, "--data-dir", dataDir];
  return {
    dataDir,
    url,
    pageUrl: String(ready["pageUrl"]),
    signInUrl: String(ready["signInUrl"]),
    process: up.process,
    samovar: (words, given = {}) => run(cli(words), env, given),
    follow: (words) => follow(cli(words), env),
    api: async (path, init) => call(url, path, await readSecret(dataDir, "instance.json", "apiToken"), init),
    cloud: async (path, init) =>
      call(String(ready["cloudUrl"]), path, await readSecret(dataDir, "secrets.json", "cloudToken"), init),
    stop: async () => {
      up.process.kill("SIGINT");
      return (await up.finished).code;
    },
  };
}

/** Tests of one run share what agents' packages consist of: nodes of one computer may, and installing them anew takes most of the time. */
async function makeDataDirectory(): Promise<string> {
  const dataDir = await temporaryDirectory();
  for (const name of ["agents", "agents-records"]) {
    const shared = join(tmpdir(), "samovar-shared", name);
    await mkdir(shared, { recursive: true, mode: 0o700 });
    // Users of workspaces pass to it, as on a server.
    await chmod(dirname(shared), 0o711);
    await symlink(shared, join(dataDir, name));
  }
  return dataDir;
}

/** Runs the CLI without an installation. */
export function samovar(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Finished> {
  return run(args, cleanEnvironment(env), cwd === undefined ? {} : { cwd });
}

/** Follows a CLI command that does not belong to an installation. */
export function followSamovar(args: readonly string[], env: Readonly<Record<string, string>>): Followed {
  return follow(args, cleanEnvironment(env));
}

async function run(
  args: readonly string[],
  env: Record<string, string>,
  given: { readonly input?: string; readonly cwd?: string },
): Promise<Finished> {
  const child = spawn(process.execPath, [main, ...args], {
    env,
    cwd: given.cwd ?? root,
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(given.input ?? "");
  return collect(child);
}

function collect(child: ChildProcess): Promise<Finished> {
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, stdout, stderr })));
}

function follow(args: readonly string[], env: Record<string, string>, separateSession = false): Followed {
  const child = spawn(process.execPath, [main, ...args], {
    env,
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    detached: separateSession,
  });
  if (separateSession) process.once("exit", () => child.kill());
  const finished = collect(child);
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (!line.startsWith("{")) return;
    lines.push(JSON.parse(line) as Record<string, unknown>);
    for (const look of waiting) look();
  });
  return {
    process: child,
    finished,
    until: (wanted) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = lines.find(wanted);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        const tooLate = ({ code, stderr, stdout }: Finished): void => {
          if (!waiting.has(look)) return;
          reject(
            new Error(`${args[0]} ended with ${code} before the expected line:\n${stdout.slice(-2000)}\n${stderr}`),
          );
        };
        void finished.then(tooLate);
      }),
  };
}

const CALL_TIMEOUT_MS = 30_000;

async function call<T>(url: string, path: string, token: string, init: ApiCall = {}): Promise<T> {
  const response = await fetch(url + path, {
    method: init.method ?? "GET",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...init.headers },
    signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new ApiRefusal(path, response.status, text);
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

async function readSecret(dataDir: string, file: string, name: string): Promise<string> {
  const values = JSON.parse(await readFile(join(dataDir, file), "utf8")) as Record<string, unknown>;
  return String(values[name]);
}

/** The task that `samovar run --json` printed last. */
export function parseTask(finished: Finished): TaskView {
  const last = finished.stdout.trim().split("\n").at(-1) ?? "";
  const line = JSON.parse(last) as { task?: unknown };
  return taskView.parse(line.task ?? line);
}

export async function removeDirectory(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}
