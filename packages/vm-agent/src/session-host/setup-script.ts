/**
 * Runs `samovar.setup` from a checkout's root once, before the agent, with the agent's environment but none of its secrets.
 * Its output is one growing message; when it fails, the session fails with its last lines. Keeps M1, S1, T1.
 */
import { realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { StringDecoder } from "node:string_decoder";
import type { Clock, Logger, Timers } from "@samovar/base";
import { RunningClock } from "@samovar/base";
import type { Failure, HostLaunch } from "@samovar/contracts";
import { processTime } from "@samovar/processes";
import type { ProgramExit, RuntimeProcess, WorkspaceRuntime } from "../runtime/runtime.ts";
import { createAgentEnvironment, createAgentStart } from "./agent-environment.ts";
import { readSurroundings } from "./agent-process.ts";
import { GrowingOutput } from "./growing-output.ts";
import { isWithin } from "./permissions.ts";
import type { Recorder } from "./recorder.ts";

export interface SetupPorts {
  readonly launch: HostLaunch;
  readonly runtime: WorkspaceRuntime;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  /** Aborted when the session is stopped. */
  readonly signal: AbortSignal;
}

const SETUP_FILE = "samovar.setup";
/** Marks processes that the script started: services for the agent, which run until the session's end. */
export const SETUP_MARK = "SAMOVAR_SETUP";

const KILL_GRACE_MS = 2_000;

type SetupEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: string }
  | { readonly kind: "too_long" | "stopped" }
  | { readonly kind: "unstartable"; readonly message: string };

/** Null when there is no script or it succeeded. Never throws. */
export async function runSetupScript(ports: SetupPorts): Promise<Failure | null> {
  const { launch, runtime, signal } = ports;
  const found = findScript(launch.cwd, runtime.seen.checkout ?? launch.cwd);
  if (found.kind === "none" || signal.aborted) return null;
  if (found.kind === "unfit") return { code: "setup_failed", message: found.message };
  return runSetupStep(SETUP_FILE, found.argv, ports);
}

/** Runs one program before the agent. `name`: for people. Null when it succeeded. Never throws. */
export async function runSetupStep(
  name: string,
  argv: readonly [string, ...string[]],
  ports: SetupPorts,
): Promise<Failure | null> {
  const { launch, runtime, log } = ports;
  const message = new GrowingOutput(name, ports);
  const child = start(argv, launch, runtime);
  log.info("setup.started", { step: name });
  const end = await waitForEnd(child, message, ports);
  log.info("setup.finished", { step: name, end: end.kind });
  const reason = formatFailure(name, end, launch.setupTimeoutMs);
  const isExited = end.kind === "exited";
  await message.finish({ reason, isReasonShown: !isExited, exitCode: isExited ? end.code : null });
  return reason === null ? null : { code: "setup_failed", message: `${reason}${message.getLastLines()}` };
}

type Found =
  | { readonly kind: "none" }
  | { readonly kind: "unfit"; readonly message: string }
  | { readonly kind: "script"; readonly argv: readonly [string, ...string[]] };

/** `cwd`: the checkout on the node; `seen`: where its programs see it. */
function findScript(cwd: string, seen: string): Found {
  const path = join(cwd, SETUP_FILE);
  const target = readRealPath(path);
  if (target === null) return { kind: "none" };
  if (!isWithin(cwd, target))
    return { kind: "unfit", message: `${SETUP_FILE} is a link out of the checkout; it was not run.` };
  const stat = statSync(target);
  if (!stat.isFile()) return { kind: "unfit", message: `${SETUP_FILE} is not a file; it was not run.` };
  const isExecutable = (stat.mode & 0o111) !== 0;
  const script = join(seen, SETUP_FILE);
  return { kind: "script", argv: isExecutable ? [script] : ["sh", script] };
}

function readRealPath(path: string): string | null {
  try {
    return realpathSync(path);
  } catch {
    return null;
  }
}

/** Starts the script with stderr merged into stdout in the order of writing. */
function start(argv: readonly string[], launch: HostLaunch, runtime: WorkspaceRuntime): RuntimeProcess {
  const agentStart = createAgentStart(launch, runtime.seen);
  const env = createAgentEnvironment(agentStart, { gateway: null, secretEnv: {} }, readSurroundings(runtime));
  return runtime.start({
    argv: ["sh", "-c", 'exec "$@" 2>&1', "sh", ...argv],
    env: { ...env, [SETUP_MARK]: launch.sessionId },
    stdin: "none",
    leavesServices: true,
  });
}

function waitForEnd(
  child: RuntimeProcess,
  message: GrowingOutput,
  { launch, clock, timers, signal }: SetupPorts,
): Promise<SetupEnd> {
  const { promise, resolve } = Promise.withResolvers<SetupEnd>();
  const pending: (() => void)[] = [];
  const time = processTime(() => child.getProgramPid());
  const scriptClock = new RunningClock(clock, timers, time);
  let why: "too_long" | "stopped" | null = null;
  const stop = (reason: "too_long" | "stopped") => {
    why ??= reason;
    child.signal("SIGTERM");
    pending.push(timers.after(KILL_GRACE_MS, () => child.signal("SIGKILL")));
  };
  const onAbort = () => stop("stopped");
  signal.addEventListener("abort", onAbort, { once: true });
  pending.push(scriptClock.after(launch.setupTimeoutMs, () => stop("too_long")));
  const decoder = new StringDecoder("utf8");
  const append = (bytes: Buffer) => message.append(decoder.write(bytes));
  child.stdout.on("data", append);
  // What the runtime itself reports when it cannot start the script.
  child.stderr.on("data", append);
  const finish = (end: SetupEnd) => {
    for (const cancel of pending) cancel();
    signal.removeEventListener("abort", onAbort);
    // Services may keep writing: drain the pipe and ignore the output.
    for (const pipe of [child.stdout, child.stderr]) pipe.off("data", append).resume();
    if (why !== null) child.signal("SIGKILL");
    resolve(why === null ? end : { kind: why });
  };
  void child.exited.then((exit) => finish(toSetupEnd(exit)));
  return promise;
}

function toSetupEnd({ code, signal, error }: ProgramExit): SetupEnd {
  if (error !== null) return { kind: "unstartable", message: error };
  return code === null ? { kind: "killed", signal: String(signal) } : { kind: "exited", code };
}

/** Null when it succeeded. */
function formatFailure(name: string, end: SetupEnd, timeoutMs: number): string | null {
  switch (end.kind) {
    case "exited":
      return end.code === 0 ? null : `${name} failed with exit code ${end.code}.`;
    case "killed":
      return `${name} was ended by ${end.signal}.`;
    case "too_long":
      return `${name} took longer than its limit of ${timeoutMs / 1000} s and was ended.`;
    case "stopped":
      return `${name} was stopped.`;
    case "unstartable":
      return `${name} could not be started: ${end.message}`;
  }
}
