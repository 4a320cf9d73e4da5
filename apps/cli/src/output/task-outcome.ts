/** The outcome of a task: what came of it, what it cost, and what can be done next. */
import type { TaskEvent, TaskOutput, TaskStatus, TaskView, Usage } from "@samovar/contracts";
import { shortId } from "../client/find.ts";
import { Facts } from "./facts.ts";
import { proofLine } from "./digest.ts";
import { safeLine, safeText } from "./safe-text.ts";
import type { Style } from "./terminal.ts";
import { startupLine } from "./timeline.ts";
import { bytes, count, duration } from "./units.ts";

/** How an agent's turn ends when nothing is out of the ordinary. */
const ORDINARY_END = "end_turn";

/** For a task that has ended. */
export function outcomeLines(task: TaskView, events: readonly TaskEvent[], style: Style): string[] {
  const facts = new Facts(style);
  addOutcome(facts, task, style);
  facts.add("start-up", startupLine(events));
  const digest = task.output?.transcript ?? null;
  if (digest !== null) facts.add("proof", (digest.agreed ? style.green : style.red)(proofLine(digest)));
  facts.add("next", nextLines(task).join("\n"));
  return [headline(task, events, style), ...facts.lines];
}

/** Why it failed, and what it left. */
export function addOutcome(facts: Facts, task: TaskView, style: Style): void {
  const { output, failure } = task;
  if (failure !== null) facts.add("reason", safeText(failure.message));
  facts.add("branch", output?.branch ?? task.branch);
  if (output === null) return;
  const commits = output.commits.map(({ sha, subject }) => `${sha.slice(0, 9)} ${safeLine(subject, 80)}`);
  facts.add("commits", commits.join("\n"));
  const stat = output.diffStat;
  if (stat !== null) facts.add("changes", `${count(stat.files, "file")}, +${stat.insertions} −${stat.deletions}`);
  if (output.warning !== null) facts.add("warning", style.yellow(safeText(output.warning)));
  facts.add("bundle", output.bundle === null ? null : `${bytes(output.bundle.bytes)} that could not be pushed`);
  facts.add("pull req.", output.pullRequestUrl);
  facts.add("turn", turnLine(output));
  facts.add("usage", output.usage === null ? null : usageLine(output.usage));
}

/** Only what is out of the ordinary. */
function turnLine({ stopReason, restarts }: TaskOutput): string | null {
  const parts = [
    restarts > 0 ? `started again ${count(restarts, "time")} after it had died` : null,
    stopReason !== null && stopReason !== ORDINARY_END ? `stopped: ${safeLine(stopReason, 80)}` : null,
  ];
  return parts.filter((part) => part !== null).join(" · ");
}

/** Null when the agent told nothing. */
function usageLine(usage: Usage): string | null {
  const number = (value: number) => value.toLocaleString("en-GB");
  const { inputTokens, outputTokens, cachedTokens, cost, contextUsed, contextSize } = usage;
  const parts = [
    inputTokens === undefined
      ? null
      : `${number(inputTokens)} tokens in${cachedTokens === undefined ? "" : ` (${number(cachedTokens)} cached)`}`,
    outputTokens === undefined ? null : `${number(outputTokens)} out`,
    contextUsed === undefined || contextSize === undefined
      ? null
      : `context ${number(contextUsed)} of ${number(contextSize)}`,
    cost === undefined ? null : `${cost.amount.toFixed(cost.amount < 1 ? 4 : 2)} ${safeLine(cost.currency, 8)}`,
  ];
  return parts.filter((part) => part !== null).join(" · ") || null;
}

/** Commands that help now. */
export function nextLines(task: TaskView): string[] {
  const id = shortId(task.id);
  switch (task.status) {
    case "draft":
    case "ready":
      return [`samovar start ${id}`];
    case "failed":
    case "cancelled":
      return [`samovar retry ${id}`, ...bundleLine(task)];
    case "completed":
      return bundleLine(task);
    default:
      return [`samovar cancel ${id}`];
  }
}

const bundleLine = (task: TaskView): string[] =>
  (task.output?.bundle ?? null) === null ? [] : [`samovar bundle ${shortId(task.id)}`];

export function headline(task: TaskView, events: readonly TaskEvent[], style: Style): string {
  const took = task.endedAt === null ? "" : ` in ${duration(task.endedAt - attemptBegan(task, events))}`;
  switch (task.status) {
    case "completed":
      return style.green(`✓ completed${took}`);
    case "failed":
      return style.red(`✗ failed${took}`);
    case "cancelled":
      return style.yellow(`○ cancelled${took}`);
    case "in_progress":
      return style.cyan("▸ in progress");
    default:
      return style.cyan(`· ${task.status}`);
  }
}

/** When somebody asked for the newest attempt. */
function attemptBegan(task: TaskView, events: readonly TaskEvent[]): number {
  const asked = events.findLast(
    ({ kind, data }) => kind === "status.changed" && data["to"] === "queued" && AT_REST.has(String(data["from"])),
  );
  return asked?.at ?? task.createdAt;
}

const AT_REST: ReadonlySet<string> = new Set(["draft", "ready", "failed", "cancelled"] satisfies TaskStatus[]);
