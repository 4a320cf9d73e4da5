/** The head of a task: its status and title, what can be done with it, and beneath what is known of its run. */
import type { TaskView } from "@samovar/contracts";
import { ExternalLink, FileDiff, GitBranch } from "lucide-react";
import { lazy, Suspense } from "react";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Elapsed } from "../../ui/moment.tsx";
import { StatusChip } from "../../ui/status-mark.tsx";
import { formatDuration } from "../../lib/format-time.ts";
import { DiffCount } from "../../ui/diff/diff-count.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { formatFileCount } from "../changes/format-file-count.ts";
import { Refusal } from "../errors/refusal.tsx";
import { Spent } from "../spending/spent.tsx";
import { isRunning, getShownBranch, getShownStatus } from "./shown-status.ts";
import { StartupSteps, StartupToggle, useStartup, type Startup } from "./startup-timeline.tsx";
import { TaskActions } from "./task-actions.tsx";
import { useChangesPanel } from "../changes/use-changes-panel.ts";
import { useTaskAction } from "./use-task-action.ts";
import { useTaskWorkspace } from "./use-task-workspace.ts";

const ChangesPanel = lazy(async () => ({ default: (await import("../changes/changes-panel.tsx")).ChangesPanel }));

export function TaskHeader({ task }: { readonly task: TaskView }) {
  const action = useTaskAction(task);
  const workspace = useTaskWorkspace(task);
  const changes = useChangesPanel(task);
  const startup = useStartup(task);
  return (
    <header className="border-b border-hairline px-4 py-1.5 tablet:py-2">
      <div className="mx-auto flex w-full max-w-190 flex-col gap-0.5 tablet:gap-1">
        <div className="flex items-start gap-2">
          <h1
            title={visibleText(task.title)}
            className="min-w-0 flex-1 truncate pt-1 text-title font-semibold tablet:line-clamp-2 tablet:whitespace-normal tablet:wrap-anywhere"
          >
            {visibleText(task.title)}
          </h1>
          <TaskActions task={task} workspace={workspace} action={action} />
        </div>
        <Facts
          task={task}
          branch={getShownBranch(task, workspace?.state ?? null)}
          startup={startup}
          onChanges={changes.possible ? changes.open : null}
        />
        {startup !== null && <StartupSteps startup={startup} />}
        {action.error !== null && <Refusal error={action.error} />}
      </div>
      {changes.shown && (
        <Suspense>
          <ChangesPanel task={task} focused={changes.openedHere} onClose={changes.close} />
        </Suspense>
      )}
    </header>
  );
}

interface FactsProps {
  readonly task: TaskView;
  readonly branch: string | null;
  readonly startup: Startup | null;
  readonly onChanges: (() => void) | null;
}

/** One line that scrolls on a phone, so that the words of the agent keep their room. */
function Facts({ task, branch, startup, onChanges }: FactsProps) {
  const link = task.output?.pullRequestUrl;
  return (
    <div className="-mx-4 flex items-center gap-x-4 gap-y-1 overflow-x-auto px-4 text-small text-ink-2 tablet:mx-0 tablet:flex-wrap tablet:overflow-visible tablet:px-0">
      <StatusChip status={getShownStatus(task)} />
      <TaskTime task={task} />
      <Spent task={task} withLimit />
      {onChanges !== null && <ChangesButton task={task} onOpen={onChanges} />}
      {link?.startsWith("https://") === true && (
        <a
          href={link}
          target="_blank"
          rel="noopener noreferrer"
          className="inline-flex min-h-6 shrink-0 items-center gap-1 text-accent underline pointer-coarse:min-h-11"
        >
          <ExternalLink size={14} aria-hidden="true" />
          Pull request
        </a>
      )}
      {branch !== null && <Branch name={branch} />}
      {startup !== null && <StartupToggle startup={startup} />}
    </div>
  );
}

function ChangesButton({ task, onOpen }: { readonly task: TaskView; readonly onOpen: () => void }) {
  const stat = task.output?.diffStat ?? null;
  return (
    <button
      type="button"
      onClick={onOpen}
      className="inline-flex min-h-6 shrink-0 items-center gap-1.5 rounded text-accent hover:underline pointer-coarse:min-h-11"
    >
      <FileDiff size={14} aria-hidden="true" />
      {stat === null ? "Changes" : formatFileCount(stat.files)}
      {stat !== null && <DiffCount added={stat.insertions} removed={stat.deletions} />}
      {stat !== null && <span className="sr-only">, show changes</span>}
    </button>
  );
}

function TaskTime({ task }: { readonly task: TaskView }) {
  const from = task.startedAt;
  if (from === null) return null;
  return (
    <span className="shrink-0">
      {isRunning(task.status) && <Elapsed from={from} />}
      {!isRunning(task.status) && task.endedAt !== null && (
        <span className="tabular-nums">{formatDuration(task.endedAt - from)}</span>
      )}
    </span>
  );
}

function Branch({ name }: { readonly name: string }) {
  return (
    <span className="inline-flex min-w-0 shrink-0 items-center gap-1 tablet:max-w-80">
      <GitBranch size={14} className="shrink-0" aria-hidden="true" />
      <span className="sr-only">Branch </span>
      <code className="min-w-0 truncate font-mono text-code">{visibleText(name)}</code>
      <CopyButton text={name} label="Copy branch name" />
    </span>
  );
}
