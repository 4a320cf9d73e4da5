/** Formats a task's outcome: its output, its cost, and what to do next. */
import type { TaskEvent, TaskOutput, TaskStatus, TaskView, Usage } from "@samovar/contracts";
import { shortenId } from "../client/find.ts";
import { Facts } from "./facts.ts";
import { formatVerification } from "./verification.ts";
import { toSafeLine, toSafeText } from "./safe-text.ts";
import type { Style } from "./terminal.ts";
import { formatStartup } from "./timeline.ts";
import { formatBytes, formatCount, formatDuration } from "./units.ts";

/** The stop reason of an ordinary turn. */
const ORDINARY_STOP_REASON = "end_turn";

/** For a task that has ended. */
export function formatOutcome(task: TaskView, events: readonly TaskEvent[], style: Style): string[] {
  const facts = new Facts(style);
  addOutcome(facts, task, style);
  facts.add("start-up", formatStartup(events));
  const digest = task.output?.transcript ?? null;
  if (digest !== null) facts.add("verified", (digest.agreed ? style.green : style.red)(formatVerification(digest)));
  facts.add("next", suggestCommands(task).join("\n"));
  return [formatHeadline(task, events, style), ...facts.lines];
}

/** Adds why the task failed, and what it produced. */
export function addOutcome(facts: Facts, task: TaskView, style: Style): void {
  const { output, failure } = task;
  if (failure !== null) facts.add("reason", toSafeText(failure.message));
  facts.add("branch", output?.branch ?? task.branch);
  if (output === null) return;
  const commits = output.commits.map(({ sha, subject }) => `${sha.slice(0, 9)} ${toSafeLine(subject, 80)}`);
  facts.add("commits", commits.join("\n"));
  const stat = output.diffStat;
  if (stat !== null) facts.add("changes", `${formatCount(stat.files, "file")}, +${stat.insertions} −${stat.deletions}`);
  if (output.warning !== null) facts.add("warning", style.yellow(toSafeText(output.warning)));
  facts.add(
    "bundle",
    output.bundle === null ? null : `${formatBytes(output.bundle.bytes)} of commits that could not be pushed`,
  );
  facts.add("pull req.", output.pullRequestUrl);
  facts.add("turn", formatTurn(output));
  facts.add("note", formatRedactions(output));
  facts.add("usage", output.usage === null ? null : formatUsage(output.usage));
}

/** Null for an ordinary turn. */
function formatTurn({ stopReason, restarts }: TaskOutput): string | null {
  const parts = [
    restarts > 0 ? `agent restarted ${formatCount(restarts, "time")} after a crash` : null,
    stopReason !== null && stopReason !== ORDINARY_STOP_REASON ? `stopped: ${toSafeLine(stopReason, 80)}` : null,
  ];
  return parts.filter((part) => part !== null).join(" · ");
}

const formatRedactions = ({ redactions = 0 }: TaskOutput): string | null =>
  redactions === 0
    ? null
    : `${formatCount(redactions, "secret")} ${redactions === 1 ? "was" : "were"} redacted from the transcript`;

/** Null when the agent reported nothing. */
function formatUsage(usage: Usage): string | null {
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
    cost === undefined ? null : `${cost.amount.toFixed(cost.amount < 1 ? 4 : 2)} ${toSafeLine(cost.currency, 8)}`,
  ];
  return parts.filter((part) => part !== null).join(" · ") || null;
}

/** Commands that are useful in the task's present status. */
export function suggestCommands(task: TaskView): string[] {
  const id = shortenId(task.id);
  switch (task.status) {
    case "draft":
    case "ready":
      return [`samovar start ${id}`];
    case "failed":
    case "cancelled":
      return [`samovar retry ${id}`, ...suggestBundle(task)];
    case "completed":
      return suggestBundle(task);
    default:
      return [`samovar cancel ${id}`];
  }
}

const suggestBundle = (task: TaskView): string[] =>
  (task.output?.bundle ?? null) === null ? [] : [`samovar bundle ${shortenId(task.id)}`];

export function formatHeadline(task: TaskView, events: readonly TaskEvent[], style: Style): string {
  const took = task.endedAt === null ? "" : ` in ${formatDuration(task.endedAt - findAttemptStart(task, events))}`;
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

/** When the newest attempt was requested. */
function findAttemptStart(task: TaskView, events: readonly TaskEvent[]): number {
  const requested = events.findLast(
    ({ kind, data }) => kind === "status.changed" && data["to"] === "queued" && NOT_RUNNING.has(String(data["from"])),
  );
  return requested?.at ?? task.createdAt;
}

const NOT_RUNNING: ReadonlySet<string> = new Set(["draft", "ready", "failed", "cancelled"] satisfies TaskStatus[]);
