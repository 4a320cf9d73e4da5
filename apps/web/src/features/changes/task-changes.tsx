/** What a task changed: from its workspace while that exists, else from the edits reported in its session. */
import type { TaskView } from "@samovar/contracts";
import { reachesStart } from "@samovar/domain/transcript";
import { useQuery } from "@tanstack/react-query";
import { Columns2, RotateCw, Rows3 } from "lucide-react";
import { createContext, use, useMemo, useState, type ReactNode } from "react";
import { useStore } from "zustand";
import { useLiveStore } from "../../api/live/use-live-store.ts";
import { workspaceChangesQuery, workspaceQuery } from "../../api/workspaces.ts";
import { FeedContext } from "../../api/use-live.ts";
import { Button } from "../../ui/button.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { usePhone } from "../../ui/use-window.ts";
import { DiffCount } from "../../ui/diff/diff-count.tsx";
import { useDiffView } from "../../ui/diff/diff-lines.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { ChangeList } from "./change-list.tsx";
import { parseChanges, collectChanges, type ChangedFile } from "./changes.ts";
import { formatFileCount } from "./format-file-count.ts";

/** Whether it stands beside the transcript, where there is no room for two columns. */
export const BesideContext = createContext(false);

export function TaskChanges({ task }: { readonly task: TaskView }) {
  // A workspace goes soon after its task has ended: what was known of it before does not count.
  const workspace = useQuery({ ...workspaceQuery(task.workspaceId), refetchOnMount: "always" });
  const state = workspace.data?.state;
  const there = state === "ready" || state === "busy" || state === "retained";
  const asking = task.workspaceId !== null && !workspace.isFetchedAfterMount;
  return (
    <>
      {asking && <Skeleton label="Loading the workspace" lines={[40, 90, 80]} className="p-5" />}
      {!asking && there && task.workspaceId !== null && <FromWorkspace task={task} workspace={task.workspaceId} />}
      {!asking && !there && <FromSession task={task} />}
    </>
  );
}

interface FromWorkspaceProps {
  readonly task: TaskView;
  readonly workspace: NonNullable<TaskView["workspaceId"]>;
}

function FromWorkspace({ task, workspace }: FromWorkspaceProps) {
  const look = useQuery(workspaceChangesQuery(workspace));
  const files = useMemo(() => (look.data === undefined ? [] : parseChanges(look.data.diff)), [look.data]);
  if (look.isPending) return <Skeleton label="Loading changes" lines={[40, 100, 90, 80]} className="p-5" />;
  if (look.data === undefined)
    return <FromSession task={task} why={`Couldn't load the workspace. ${visibleText(getErrorMessage(look.error))}`} />;
  return (
    <Changes
      files={files}
      source={
        <>
          {look.isError
            ? `Couldn't refresh the workspace; showing the last known changes. ${visibleText(getErrorMessage(look.error))}`
            : "In the workspace now, compared with the base commit."}
          {look.data.truncated && " The diff is truncated; the rest is in the workspace."}
        </>
      }
      action={
        <Button kind="quiet" disabled={look.isFetching} onClick={() => void look.refetch()}>
          <RotateCw size={14} aria-hidden="true" />
          {look.isFetching ? "Refreshing…" : "Refresh"}
        </Button>
      }
    />
  );
}

function FromSession({ task, why }: { readonly task: TaskView; readonly why?: string }) {
  const held = useStore(useLiveStore(), ({ transcripts }) => transcripts.get(task.sessionId));
  const feed = use(FeedContext);
  const [reading, setReading] = useState(false);
  const messages = held?.transcript.messages;
  const files = useMemo(() => collectChanges(messages ?? []), [messages]);
  const whole = held === undefined || reachesStart(held.transcript);
  const readBack = async () => {
    setReading(true);
    await feed?.readBack(task.sessionId, 0);
    setReading(false);
  };
  return (
    <Changes
      files={files}
      source={
        <>
          {why} The workspace isn't available. These are the edits that the agent reported; changes made by commands are
          not included.
        </>
      }
      action={
        whole ? null : (
          <Button kind="quiet" disabled={reading} onClick={() => void readBack()}>
            {reading ? "Loading…" : "Include earlier steps"}
          </Button>
        )
      }
    />
  );
}

interface ChangesProps {
  readonly files: readonly ChangedFile[];
  readonly source: ReactNode;
  readonly action: ReactNode;
}

function Changes({ files, source, action }: ChangesProps) {
  const { view, choose } = useDiffView();
  const phone = usePhone();
  const narrow = use(BesideContext) || phone;
  const split = view === "split" && !narrow;
  const sum = (count: (file: ChangedFile) => number) => files.reduce((all, file) => all + count(file), 0);
  const paths = new Set(files.map(({ path }) => path)).size;
  return (
    <>
      <div className="flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-hairline px-5 pt-1 pb-2 text-small text-ink-2">
        <p className="inline-flex gap-1.5">
          {formatFileCount(paths)}
          <DiffCount added={sum((file) => file.added)} removed={sum((file) => file.removed)} />
        </p>
        <p className="min-w-60 flex-1 wrap-anywhere">{source}</p>
        <div className="flex gap-1">
          {action}
          {!narrow && (
            <Button kind="quiet" onClick={() => choose(split ? "unified" : "split")}>
              {split ? <Rows3 size={14} aria-hidden="true" /> : <Columns2 size={14} aria-hidden="true" />}
              {split ? "Unified" : "Side by side"}
            </Button>
          )}
        </div>
      </div>
      {files.length === 0 ? (
        <p className="p-5 text-ui text-ink-2">No changes.</p>
      ) : (
        <ChangeList files={files} split={split} />
      )}
    </>
  );
}
