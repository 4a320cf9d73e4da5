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
import type { HeldText } from "@samovar/domain/secret-redactor";
import { NOTHING_HELD } from "@samovar/domain/secret-redactor";
import type { BoundedOutput } from "@samovar/script-agent/bounded-output";
import { processTime } from "@samovar/processes";
import { boundedOutput } from "@samovar/script-agent/bounded-output";
import type { ProgramExit, RuntimeProcess, WorkspaceRuntime } from "../runtime/runtime.ts";
import { createAgentEnvironment, createAgentStart } from "./agent-environment.ts";
import { readSurroundings } from "./agent-process.ts";
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

const KEPT_CHARS = 32_000;
const SHOW_EVERY_MS = 500;
const KILL_GRACE_MS = 2_000;
const LAST_LINES = 20;
const LAST_LINES_CHARS = 2_000;

type SetupEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: string }
  | { readonly kind: "too_long" | "stopped" }
  | { readonly kind: "unstartable"; readonly message: string };

/** Null when there is no script or it succeeded. Never throws. */
export async function runSetupScript(ports: SetupPorts): Promise<Failure | null> {
  const { launch, runtime, log, signal } = ports;
  const found = findScript(launch.cwd, runtime.seen.checkout ?? launch.cwd);
  if (found.kind === "none" || signal.aborted) return null;
  if (found.kind === "unfit") return { code: "setup_failed", message: found.message };
  const message = new SetupMessage(ports);
  const child = start(found.argv, launch, runtime);
  log.info("setup.started");
  const end = await waitForEnd(child, message, ports);
  log.info("setup.finished", { end: end.kind });
  await message.finish(end);
  const reason = formatFailure(end, launch.setupTimeoutMs);
  return reason === null ? null : { code: "setup_failed", message: `${reason}${getLastLines(message.output)}` };
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
  const env = createAgentEnvironment(agentStart, { gateway: null, secretEnv: {} }, readSurroundings());
  return runtime.start({
    argv: ["sh", "-c", 'exec "$@" 2>&1', "sh", ...argv],
    env: { ...env, [SETUP_MARK]: launch.sessionId },
    stdin: "none",
    leavesServices: true,
  });
}

function waitForEnd(
  child: RuntimeProcess,
  message: SetupMessage,
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

/** The script as a tool call in the transcript. */
class SetupMessage {
  readonly #ports: SetupPorts;
  /** Redacted before it is cut. */
  readonly #output: BoundedOutput = boundedOutput(KEPT_CHARS, KEPT_CHARS);
  #held: HeldText = NOTHING_HELD;
  #cancelShow: (() => void) | null = null;
  #over = false;

  constructor(ports: SetupPorts) {
    this.#ports = ports;
    this.#record({
      sessionUpdate: "tool_call",
      name: "setup",
      kind: "execute",
      title: SETUP_FILE,
      status: "in_progress",
    });
  }

  get output(): string {
    return this.#output.text();
  }

  append(text: string): void {
    const { text: shown, held } = this.#ports.recorder.redactChunk(this.#held, text);
    this.#held = held;
    this.#output.append(shown);
    if (this.#cancelShow !== null) return;
    this.#show();
    this.#cancelShow = this.#ports.timers.after(SHOW_EVERY_MS, () => {
      this.#cancelShow = null;
      if (!this.#over) this.#show();
    });
  }

  finish(end: SetupEnd): Promise<void> {
    this.#over = true;
    this.#cancelShow?.();
    this.#output.append(this.#ports.recorder.redactRest(this.#held));
    this.#held = NOTHING_HELD;
    const reason = formatFailure(end, this.#ports.launch.setupTimeoutMs);
    const remark = end.kind === "exited" || reason === null ? [] : [`[${reason}]`];
    const text = [this.output.replace(/\n$/, ""), ...remark].filter((part) => part !== "").join("\n");
    this.#record({
      sessionUpdate: "tool_call_update",
      status: reason === null ? "completed" : "failed",
      content: createTextContent(text === "" ? "(no output)\n" : `${text}\n`),
      rawOutput: { exitCode: end.kind === "exited" ? end.code : null },
    });
    return this.#ports.recorder.commit();
  }

  #show(): void {
    this.#record({ sessionUpdate: "tool_call_update", content: createTextContent(this.output) });
  }

  #record(update: object): void {
    this.#ports.recorder.update({ toolCallId: SETUP_FILE, ...update });
    void this.#ports.recorder.commit();
  }
}

const createTextContent = (text: string) => [{ type: "content", content: { type: "text", text } }];

/** Null when it succeeded. */
function formatFailure(end: SetupEnd, timeoutMs: number): string | null {
  switch (end.kind) {
    case "exited":
      return end.code === 0 ? null : `${SETUP_FILE} failed with exit code ${end.code}.`;
    case "killed":
      return `${SETUP_FILE} was ended by ${end.signal}.`;
    case "too_long":
      return `${SETUP_FILE} took longer than its limit of ${timeoutMs / 1000} s and was ended.`;
    case "stopped":
      return `${SETUP_FILE} was stopped.`;
    case "unstartable":
      return `${SETUP_FILE} could not be started: ${end.message}`;
  }
}

function getLastLines(output: string): string {
  const lines = output.trimEnd().split("\n").slice(-LAST_LINES).join("\n").slice(-LAST_LINES_CHARS).trim();
  return lines === "" ? "" : ` Its last lines:\n${lines}`;
}
