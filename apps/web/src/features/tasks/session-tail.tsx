/** What stands after the last message: what happens now, or how it ended and what to do. */
import { toPath } from "@samovar/client/api-client";
import type { CommitView, Failure, TaskOutput, TaskView } from "@samovar/contracts";
import { CornerDownRight, Download, GitCommitHorizontal, ShieldCheck, ShieldAlert, TriangleAlert } from "lucide-react";
import { Button } from "../../ui/button.tsx";
import { formatDuration } from "../../lib/format-time.ts";
import { HalfCircle, StatusIcon } from "../../ui/status-mark.tsx";
import { DiffCount } from "../../ui/diff/diff-count.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { RetainedWorkspace } from "../workspaces/retained-workspace.tsx";
import { formatFileCount } from "../changes/format-file-count.ts";
import { RaiseLimit } from "../spending/raise-limit.tsx";
import { RunFacts } from "./run-facts.tsx";
import { useFollowUp } from "./use-follow-up.ts";
import { useTaskWorkspace } from "./use-task-workspace.ts";
import { Waiting } from "./waiting.tsx";

const NOW: Partial<Record<TaskView["status"], string>> = {
  draft: "In the backlog. Run it when you are ready.",
  ready: "Ready to run.",
  queued: "Looking for a node…",
  delegated: "Preparing a workspace…",
  in_progress: "Working…",
};

const COMMITS_SHOWN = 10;

export function SessionTail({ task }: { readonly task: TaskView }) {
  const now = task.cancelRequested && task.endedAt === null ? "Cancelling…" : NOW[task.status];
  if (now === undefined) {
    return (
      <div className="flex flex-col gap-3">
        <Outcome task={task} />
        <article aria-label="Next steps" className="flex flex-col gap-3">
          <Workspace task={task} />
          <FollowUp task={task} />
        </article>
      </div>
    );
  }
  if (task.status === "queued" && task.waiting !== null && !task.cancelRequested)
    return <Waiting task={task} waiting={task.waiting} />;
  const moving = task.status !== "draft" && task.status !== "ready";
  return (
    <article aria-label="Current status" className="flex items-center gap-2 pb-1 text-ui text-ink-2">
      {moving ? <HalfCircle size={16} className="text-working" /> : <StatusIcon status={task.status} />}
      {now}
    </article>
  );
}

/** The workspace, unless the task completed and its workspace was removed as usual. */
function Workspace({ task }: { readonly task: TaskView }) {
  const workspace = useTaskWorkspace(task);
  const isShown = workspace !== null && (task.status !== "completed" || workspace.state === "retained");
  return isShown ? <RetainedWorkspace workspace={workspace} /> : null;
}

function FollowUp({ task }: { readonly task: TaskView }) {
  const start = useFollowUp(task);
  return (
    <Button kind="quiet" className="self-start" onClick={start}>
      <CornerDownRight size={14} aria-hidden="true" />
      Start a follow-up
    </Button>
  );
}

function Outcome({ task }: { readonly task: TaskView }) {
  const { output, failure } = task;
  return (
    <article aria-label="Outcome" className="flex flex-col gap-2 rounded-lg border border-hairline px-3.5 py-3 text-ui">
      <p className="flex flex-wrap items-center gap-x-3 gap-y-1 font-medium">
        <span className="inline-flex items-center gap-1.5">
          <StatusIcon status={task.status} />
          {headline(task)}
        </span>
        {output?.diffStat != null && (
          <span className="font-normal text-ink-2">
            {formatFileCount(output.diffStat.files)}{" "}
            <DiffCount added={output.diffStat.insertions} removed={output.diffStat.deletions} />
          </span>
        )}
      </p>
      {failure !== null && <Failed failure={failure} />}
      {failure?.code === "budget_exceeded" && <RaiseLimit key={task.version} task={task} />}
      {output?.warning != null && (
        <p className="flex gap-2 text-working">
          <TriangleAlert size={16} className="mt-0.5 shrink-0" aria-hidden="true" />
          <span className="wrap-anywhere">{visibleText(output.warning)}</span>
        </p>
      )}
      {output !== null && <Commits commits={output.commits} />}
      {output?.pullRequestUrl?.startsWith("https://") === true && (
        <a href={output.pullRequestUrl} target="_blank" rel="noopener noreferrer" className="text-accent underline">
          Pull request
        </a>
      )}
      {output?.bundle != null && (
        <a
          href={toPath("GET /api/projects/{projectId}/tasks/{taskId}/bundle", {
            projectId: task.projectId,
            taskId: task.id,
          })}
          download
          className="inline-flex items-center gap-1.5 self-start text-accent underline"
        >
          <Download size={14} aria-hidden="true" />
          Download commits as a git bundle ({Math.ceil(output.bundle.bytes / 1024).toLocaleString("en")} KiB)
        </a>
      )}
      {output !== null && <RunFacts output={output} spending={task.spending} />}
      {output !== null && <TranscriptVerification output={output} />}
    </article>
  );
}

function headline(task: TaskView): string {
  const words =
    { completed: "Completed", failed: "Failed", cancelled: "Cancelled" }[task.status as string] ?? task.status;
  return task.startedAt === null || task.endedAt === null
    ? words
    : `${words} in ${formatDuration(task.endedAt - task.startedAt)}`;
}

function Failed({ failure }: { readonly failure: Failure }) {
  return (
    <div className="text-ink">
      <p className="wrap-anywhere whitespace-pre-wrap">{visibleText(failure.message)}</p>
      <p className="mt-1 text-small text-ink-3">
        <code className="font-mono text-code">{failure.code}</code>
      </p>
    </div>
  );
}

function Commits({ commits }: { readonly commits: readonly CommitView[] }) {
  if (commits.length === 0) return null;
  return (
    <ul aria-label="Commits" className="flex flex-col gap-0.5 text-small">
      {commits.slice(0, COMMITS_SHOWN).map((commit) => (
        <li key={commit.sha} className="flex min-w-0 items-center gap-2">
          <GitCommitHorizontal size={14} className="shrink-0 text-ink-3" aria-hidden="true" />
          <code className="font-mono text-code text-ink-3">{commit.sha.slice(0, 8)}</code>
          <span className="min-w-0 truncate">{visibleText(commit.subject)}</span>
        </li>
      ))}
      {commits.length > COMMITS_SHOWN && <li className="text-ink-3">and {commits.length - COMMITS_SHOWN} more</li>}
    </ul>
  );
}

function TranscriptVerification({ output }: { readonly output: TaskOutput }) {
  const verification = output.transcript;
  if (verification === null) return null;
  const short = verification.stored.digest.slice(0, 12);
  if (verification.agreed) {
    return (
      <p className="flex items-center gap-1.5 text-small text-ink-3" title={verification.stored.digest}>
        <ShieldCheck size={14} className="shrink-0" aria-hidden="true" />
        <span>
          Transcript complete: {verification.stored.count} of {verification.claimed.count} messages, digest{" "}
          <code className="font-mono text-code">{short}</code>
        </span>
      </p>
    );
  }
  return (
    <p className="flex items-center gap-1.5 text-small text-working">
      <ShieldAlert size={14} className="shrink-0" aria-hidden="true" />
      <span>
        Transcript incomplete: {verification.stored.count} of {verification.claimed.count} messages are stored. Some
        messages are missing.
      </span>
    </p>
  );
}
