/** The head of a task: status, title, branch, time, what it changed, and the way to end it. */
import type { TaskView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { GitBranch, Play, RotateCcw, Square } from "lucide-react";
import { workspaceQuery } from "../../data/machines.ts";
import { Button } from "../../ui/button.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { messageOf } from "../../ui/error-panel.tsx";
import { Elapsed } from "../../ui/moment.tsx";
import { StatusChip } from "../../ui/status-mark.tsx";
import { durationWords } from "../../ui/time-words.ts";
import { DiffCount } from "../transcript/diff-count.tsx";
import { visibleText } from "../transcript/visible-text.ts";
import { isRunning, mayBeKept, shownBranch, shownStatus } from "./shown-status.ts";
import { StartupTimeline } from "./startup-timeline.tsx";
import { useTaskAction } from "./use-task-action.ts";

export function TaskHeader({ task }: { readonly task: TaskView }) {
  const action = useTaskAction(task);
  const workspace = useQuery(workspaceQuery(mayBeKept(task) ? task.workspaceId : null));
  const branch = shownBranch(task, workspace.data?.state ?? null);
  return (
    <header className="border-b border-hairline px-4 py-2">
      <div className="mx-auto flex w-full max-w-190 flex-col gap-1">
        <div className="flex items-start gap-3">
          <h1 className="line-clamp-2 min-w-0 flex-1 pt-1 text-title font-semibold wrap-anywhere">
            {visibleText(task.title)}
          </h1>
          <TaskButtons task={task} action={action} />
        </div>
        <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-small text-ink-2">
          <StatusChip status={shownStatus(task)} />
          <TaskTime task={task} />
          {branch !== null && <Branch name={branch} />}
          {task.output?.diffStat != null && (
            <span className="inline-flex gap-1.5">
              {task.output.diffStat.files} {task.output.diffStat.files === 1 ? "file" : "files"}
              <DiffCount added={task.output.diffStat.insertions} removed={task.output.diffStat.deletions} />
            </span>
          )}
        </div>
        <StartupTimeline task={task} />
        {action.error !== null && (
          <p role="alert" className="text-small text-failed">
            {messageOf(action.error)}
          </p>
        )}
      </div>
    </header>
  );
}

function TaskButtons({ task, action }: { readonly task: TaskView; readonly action: ReturnType<typeof useTaskAction> }) {
  if (isRunning(task.status)) {
    return (
      <Button kind="danger" disabled={action.isPending || task.cancelRequested} onClick={() => action.mutate("cancel")}>
        <Square size={14} aria-hidden="true" />
        {task.cancelRequested ? "Cancelling…" : "Cancel"}
      </Button>
    );
  }
  if (task.status === "draft" || task.status === "ready") {
    return (
      <Button kind="primary" disabled={action.isPending} onClick={() => action.mutate("run")}>
        <Play size={14} aria-hidden="true" />
        Run now
      </Button>
    );
  }
  if (task.status === "completed") return null;
  return (
    <Button disabled={action.isPending} onClick={() => action.mutate("retry")}>
      <RotateCcw size={14} aria-hidden="true" />
      Run again
    </Button>
  );
}

function TaskTime({ task }: { readonly task: TaskView }) {
  const from = task.startedAt;
  if (from === null) return null;
  if (isRunning(task.status)) return <Elapsed from={from} />;
  if (task.endedAt === null) return null;
  return <span className="tabular-nums">{durationWords(task.endedAt - from)}</span>;
}

function Branch({ name }: { readonly name: string }) {
  return (
    <span className="inline-flex min-w-0 items-center gap-1">
      <GitBranch size={14} className="shrink-0" aria-hidden="true" />
      <span className="sr-only">Branch </span>
      <code className="min-w-0 truncate font-mono text-code">{visibleText(name)}</code>
      <CopyButton text={name} label="Copy branch name" />
    </span>
  );
}
