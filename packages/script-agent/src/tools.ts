/** The steps that act: commands, in the turn or behind it, and written files, each reported as a tool call. */
import type { RequestPermissionResponse, ToolCallContent } from "@agentclientprotocol/sdk";
import type { Timers } from "@samovar/base";
import { assertNever } from "@samovar/base";
import { resolve } from "node:path";
import type { ShellEnd, ShellRun } from "./shell.ts";
import { runShell } from "./shell.ts";
import type { Step } from "./step.ts";
import type { ToolVoice, Voice } from "./voice.ts";
import { textContent } from "./voice.ts";
import { pause } from "./pause.ts";
import { writeWorkspaceFile } from "./workspace-file.ts";

export interface ToolDeps {
  readonly cwd: string;
  readonly voice: Voice;
  readonly signal: AbortSignal;
  readonly timers: Timers;
  /** Whether permission is asked before each command. */
  readonly asksAlways: boolean;
  /** Commands that outlive the turn. */
  readonly background: Background;
  readonly requestPermission: (toolCallId: string, title: string) => Promise<RequestPermissionResponse["outcome"]>;
}

export type ToolOutcome =
  | { readonly kind: "done" }
  /** `how`: the end of the sentence "Step 2 …". */
  | { readonly kind: "failed"; readonly how: string }
  | { readonly kind: "cancelled" };

/** What a session has running behind its turns, and how that is stopped. */
export interface Background {
  readonly running: Set<Promise<void>>;
  readonly signal: AbortSignal;
}

type ShellStep = Extract<Step, { kind: "sh" }>;
type BackgroundStep = Extract<Step, { kind: "background" }>;
type WriteStep = Extract<Step, { kind: "write" }>;

/** Least time between two updates that show a running command's output. */
const PARTIAL_OUTPUT_EVERY_MS = 200;

export async function runCommand(step: ShellStep, deps: ToolDeps): Promise<ToolOutcome> {
  const title = titleOf(step.command);
  const input = { command: step.command, ...(step.timeoutMs === null ? {} : { timeoutMs: step.timeoutMs }) };
  const tool = await deps.voice.beginTool({ name: "sh", kind: "execute", title, input, path: null });
  if (step.ask || deps.asksAlways) {
    const refused = await permissionRefused(tool, title, deps);
    if (refused !== null) return refused;
  }
  return execute(tool, step, deps);
}

/** Starts a command in the background; its end is reported when it comes. */
export async function startBackground(step: BackgroundStep, deps: ToolDeps): Promise<ToolOutcome> {
  const title = titleOf(step.command);
  const tool = await deps.voice.beginTool({
    name: "background",
    kind: "execute",
    title,
    input: { command: step.command },
    path: null,
  });
  const { running, signal } = deps.background;
  const work = async () => {
    const outcome = await execute(tool, { command: step.command, timeoutMs: null }, { ...deps, signal });
    const how = outcome.kind === "failed" ? outcome.how : outcome.kind === "done" ? "is done" : "was stopped";
    await deps.voice.say(`The command in the background ${how}.`);
  };
  // A client that is gone needs no word about it.
  const ended: Promise<void> = work()
    .catch(() => {})
    .finally(() => running.delete(ended));
  running.add(ended);
  return { kind: "done" };
}

async function execute(
  tool: ToolVoice,
  { command, timeoutMs }: Pick<ShellStep, "command" | "timeoutMs">,
  { cwd, signal, timers }: Pick<ToolDeps, "cwd" | "signal" | "timers">,
): Promise<ToolOutcome> {
  await tool.running();
  const partial = partialOutput(tool, timers);
  const run = await runShell({ command, cwd, timeoutMs, signal, timers, onOutput: partial.changed });
  await partial.stop();
  const outcome = outcomeOf(run.end, timeoutMs);
  await tool.end(outcome.kind === "done" ? "completed" : "failed", commandContent(run, outcome), rawOutput(run));
  return outcome;
}

export async function runWrite(step: WriteStep, deps: ToolDeps): Promise<ToolOutcome> {
  const path = resolve(deps.cwd, step.path);
  const tool = await deps.voice.beginTool({
    name: "write",
    kind: "edit",
    title: `Write ${step.path}`,
    input: { path: step.path, content: step.text },
    path,
  });
  await tool.running();
  const written = await writeWorkspaceFile(deps.cwd, step.path, step.text);
  if (!written.ok) {
    await tool.end("failed", [textContent(written.error)], { error: written.error });
    return { kind: "failed", how: `failed: ${written.error}` };
  }
  const { oldText } = written.value;
  await tool.end("completed", [{ type: "diff", path, oldText, newText: step.text }], { created: oldText === null });
  return { kind: "done" };
}

async function permissionRefused(tool: ToolVoice, title: string, deps: ToolDeps): Promise<ToolOutcome | null> {
  const answer = await deps.requestPermission(tool.toolCallId, title);
  if (answer.outcome === "selected" && answer.optionId === "allow") return null;
  const cancelled = answer.outcome === "cancelled";
  const why = cancelled ? "Cancelled." : "Permission was refused.";
  await tool.end("failed", [textContent(why)], { error: why });
  return cancelled ? { kind: "cancelled" } : { kind: "failed", how: "was refused permission" };
}

/** Shows a command's output while it runs: at once, then no more often than the pipe and the pace allow. */
function partialOutput(tool: ToolVoice, timers: Timers) {
  const stopping = new AbortController();
  let latest: (() => string) | null = null;
  let sending: Promise<void> | null = null;
  const show = async () => {
    while (latest !== null && !stopping.signal.aborted) {
      const text = latest();
      latest = null;
      await tool.running([textContent(text)]);
      await pause(PARTIAL_OUTPUT_EVERY_MS, { signal: stopping.signal, timers });
    }
  };
  return {
    changed(soFar: () => string) {
      latest = soFar;
      // A client that is gone is noticed by the call's end, which fails the same way.
      sending ??= show()
        .catch(() => stopping.abort())
        .finally(() => (sending = null));
    },
    async stop() {
      stopping.abort();
      await sending;
    },
  };
}

function outcomeOf(end: ShellEnd, timeoutMs: number | null): ToolOutcome {
  switch (end.kind) {
    case "exited":
      return end.exitCode === 0 ? { kind: "done" } : { kind: "failed", how: `failed with exit code ${end.exitCode}` };
    case "killed":
      return { kind: "failed", how: `was ended by ${end.signal}` };
    case "timed-out":
      return { kind: "failed", how: `took longer than ${timeoutMs} ms and was stopped` };
    case "cancelled":
      return { kind: "cancelled" };
    case "unstartable":
      return { kind: "failed", how: `could not be started: ${end.message}` };
    default:
      return assertNever(end);
  }
}

/** Never empty: a client may otherwise show the raw output in its place. */
function commandContent(run: ShellRun, outcome: ToolOutcome): ToolCallContent[] {
  const lines = [run.output.replace(/\n$/, "")];
  if (outcome.kind === "cancelled") lines.push("[cancelled]");
  if (outcome.kind === "failed" && run.end.kind !== "exited") lines.push(`[the command ${outcome.how}]`);
  const text = lines.filter((line) => line !== "").join("\n");
  return [textContent(text === "" ? "(no output)" : `${text}\n`)];
}

function rawOutput(run: ShellRun): Record<string, unknown> {
  const cut = run.omittedChars === 0 ? {} : { omittedChars: run.omittedChars };
  return { exitCode: run.end.kind === "exited" ? run.end.exitCode : null, end: run.end.kind, ...cut };
}

/** The first line that is no comment, cut to a readable length. */
function titleOf(command: string): string {
  const lines = command.split("\n").map((line) => line.trim());
  const line = lines.find((text) => text !== "" && !text.startsWith("#")) ?? "sh";
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
