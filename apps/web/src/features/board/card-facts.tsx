/** What a card says beneath its title: only what is not plain from its column. */
import { assertNever } from "@samovar/base";
import type { TaskView } from "@samovar/contracts";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { GitBranch, GitPullRequest, Link2, Package, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { sessionQuery, sessionsQuery } from "../../api/queries.ts";
import { Ago, Elapsed } from "../../ui/moment.tsx";
import { HalfCircle, StatusChip } from "../../ui/status-mark.tsx";
import { formatDuration } from "../../lib/format-time.ts";
import { getShownStatus } from "../tasks/shown-status.ts";
import { DiffCount } from "../../ui/diff/diff-count.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { Spent } from "../spending/spent.tsx";
import { PriorityMark } from "../tasks/priority-mark.tsx";
import { pullRequestName } from "../tasks/pull-request-name.ts";

export function CardFacts({ task }: { readonly task: TaskView }) {
  return (
    <>
      <Exception task={task} />
      <span className="flex flex-wrap items-center gap-x-3 gap-y-0.5 text-small text-ink-3">
        {getShownStatus(task) === "cancelling" && <StatusChip status="cancelling" />}
        <PriorityMark priority={task.priority} />
        <Facts task={task} />
      </span>
    </>
  );
}

/** What may need attention, or what is happening now. */
function Exception({ task }: { readonly task: TaskView }) {
  switch (task.status) {
    case "queued":
      return task.waiting === null ? null : (
        <Line text={task.waiting.message} mark={task.waiting.code === "dependency_failed" ? <Warning /> : null} />
      );
    case "in_progress":
      return task.cancelRequested ? null : <Activity task={task} />;
    case "failed":
      return task.failure === null ? null : <Line text={task.failure.message} mark={null} />;
    case "completed":
      return task.output?.warning == null ? null : <Line text={task.output.warning} mark={<Warning />} />;
    case "draft":
    case "ready":
    case "delegated":
    case "cancelled":
      return null;
    default:
      return assertNever(task.status, "task status");
  }
}

function Line({ text, mark }: { readonly text: string; readonly mark: ReactNode }) {
  return (
    <span className="flex gap-1.5 text-small text-ink-2">
      {mark}
      <span className="line-clamp-2 min-w-0 wrap-anywhere">{visibleText(text)}</span>
    </span>
  );
}

const Warning = () => <TriangleAlert size={14} className="mt-0.5 shrink-0 text-working" aria-label="Warning" />;

/** The last thing that the agent did; the socket keeps the session fresh. */
function Activity({ task }: { readonly task: TaskView }) {
  const client = useQueryClient();
  const { data: session } = useQuery({
    ...sessionQuery(task.projectId, task.sessionId),
    initialData: () =>
      client
        .getQueryData(sessionsQuery(task.projectId).queryKey)
        ?.pages.flatMap((page) => page.items)
        .find((each) => each.id === task.sessionId),
  });
  return (
    <span className="flex min-w-0 items-center gap-1.5 text-small text-working">
      <HalfCircle size={14} className="text-working" />
      <span className="min-w-0 truncate">{visibleText(session?.activity?.text ?? "Agent is working")}</span>
      {task.startedAt !== null && (
        <span className="ms-auto shrink-0 text-ink-3">
          <Elapsed from={task.startedAt} />
        </span>
      )}
    </span>
  );
}

function Facts({ task }: { readonly task: TaskView }) {
  switch (task.status) {
    case "draft":
    case "ready":
      return (
        <>
          <Depends count={task.dependsOn.length} />
          <When at={task.createdAt} />
        </>
      );
    case "queued":
    case "delegated":
      return (
        <End>
          <Elapsed from={task.waiting?.since ?? task.updatedAt} />
        </End>
      );
    case "in_progress":
      return (
        <>
          <Branch name={task.branch} />
          <Spent task={task} withLimit={false} />
        </>
      );
    case "completed":
    case "failed":
    case "cancelled":
      return <Outcome task={task} />;
    default:
      return assertNever(task.status, "task status");
  }
}

function Outcome({ task }: { readonly task: TaskView }) {
  const { output } = task;
  return (
    <>
      {output?.pullRequestUrl == null ? <Branch name={output?.branch ?? null} /> : <Pull url={output.pullRequestUrl} />}
      {task.acknowledged && <span>Acknowledged</span>}
      <Spent task={task} withLimit={false} />
      {output?.bundle != null && (
        <span className="inline-flex items-center gap-1" title="The branch couldn't be pushed; its commits are saved">
          <Package size={14} aria-hidden="true" />
          Not pushed
        </span>
      )}
      {output?.diffStat != null && <DiffCount added={output.diffStat.insertions} removed={output.diffStat.deletions} />}
      {task.startedAt !== null && task.endedAt !== null && (
        <span className="tabular-nums">{formatDuration(task.endedAt - task.startedAt)}</span>
      )}
      <When at={task.endedAt ?? task.updatedAt} />
    </>
  );
}

/** Above the card's own link, so that it can be pressed. */
function Pull({ url }: { readonly url: string }) {
  return (
    <a
      href={url}
      target="_blank"
      rel="noopener noreferrer"
      draggable={false}
      className="relative z-10 inline-flex min-h-6 items-center gap-1 text-accent underline pointer-coarse:min-h-11"
    >
      <GitPullRequest size={14} aria-hidden="true" />
      {pullRequestName(url)}
      <span className="sr-only"> (opens in a new tab)</span>
    </a>
  );
}

function Branch({ name }: { readonly name: string | null }) {
  if (name === null) return null;
  return (
    <span className="inline-flex max-w-full min-w-0 items-center gap-1">
      <GitBranch size={14} className="shrink-0" aria-hidden="true" />
      <span className="sr-only">Branch </span>
      <code className="min-w-0 truncate font-mono text-code">{visibleText(name)}</code>
    </span>
  );
}

function Depends({ count }: { readonly count: number }) {
  if (count === 0) return null;
  return (
    <span className="inline-flex items-center gap-1">
      <Link2 size={14} aria-hidden="true" />
      After {count} {count === 1 ? "task" : "tasks"}
    </span>
  );
}

const When = ({ at }: { readonly at: number }) => (
  <End>
    <Ago at={at} />
  </End>
);

const End = ({ children }: { readonly children: ReactNode }) => <span className="ms-auto shrink-0">{children}</span>;
