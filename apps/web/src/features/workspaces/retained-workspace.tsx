/** A workspace: how long and why it is retained, and the actions to keep it longer, open it or remove it. */
import type { WorkspaceView } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { FolderOpen, Hourglass, Trash2 } from "lucide-react";
import { useState } from "react";
import { workspaceKey, workspacesKey } from "../../api/query-keys.ts";
import { destroyWorkspace, extendWorkspace } from "../../api/workspaces.ts";
import { Button, getButtonClass } from "../../ui/button.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { formatDuration, formatMoment } from "../../lib/format-time.ts";
import { useNow } from "../../ui/use-now.ts";
import { visibleText } from "../../lib/visible-text.ts";

const LONGER_MS = 8 * 3_600_000;

interface RetainedWorkspaceProps {
  readonly workspace: WorkspaceView;
  /** Where there are several. */
  readonly name?: string;
}

export function RetainedWorkspace({ workspace, name = "Workspace" }: RetainedWorkspaceProps) {
  // Beside its session, the outcome already gives the reason.
  const opened = useParams({ strict: false }).workspace === workspace.id;
  return (
    <section aria-label={name} className="flex flex-col gap-2 rounded-lg border border-hairline px-3.5 py-3 text-ui">
      <State workspace={workspace} />
      {opened && workspace.failure !== null && (
        <p className="text-small wrap-anywhere whitespace-pre-wrap text-ink-2">
          {visibleText(workspace.failure.message)}
        </p>
      )}
      {workspace.state === "retained" && <Actions workspace={workspace} canOpen={!opened} />}
    </section>
  );
}

const WORDS: Readonly<Record<WorkspaceView["state"], string>> = {
  creating: "The workspace is being created.",
  ready: "The workspace is ready.",
  busy: "The agent is working in this workspace.",
  retained: "The workspace is retained.",
  destroying: "The workspace is being removed.",
  destroyed: "The workspace was removed. The transcript is kept.",
  failed: "The workspace was lost with its node. The transcript is kept.",
};

function State({ workspace }: { readonly workspace: WorkspaceView }) {
  const now = useNow(1_000);
  const { retainedUntil, state } = workspace;
  if (state !== "retained" || retainedUntil === null) return <p>{WORDS[state]}</p>;
  return (
    <p className="flex items-center gap-2">
      <Hourglass size={15} className="shrink-0 text-ink-3" aria-hidden="true" />
      <span>
        The workspace is retained for{" "}
        <time
          dateTime={new Date(retainedUntil).toISOString()}
          title={formatMoment(retainedUntil)}
          className="tabular-nums"
        >
          {formatDuration(retainedUntil - now)}
        </time>
        . Its node stays up until then.
      </span>
    </p>
  );
}

function Actions({ workspace, canOpen }: { readonly workspace: WorkspaceView; readonly canOpen: boolean }) {
  const client = useQueryClient();
  const [asked, setAsked] = useState(false);
  const changed = (next: WorkspaceView) => {
    client.setQueryData(workspaceKey(next.id), next);
    void client.invalidateQueries({ queryKey: workspacesKey });
  };
  const extend = useMutation({ mutationFn: () => extendWorkspace(workspace.id, LONGER_MS), onSuccess: changed });
  const destroy = useMutation({ mutationFn: () => destroyWorkspace(workspace.id), onSuccess: changed });
  const error = extend.error ?? destroy.error;
  return (
    <>
      <div className="flex flex-wrap gap-2">
        {canOpen && workspace.projectId !== null && (
          <Link
            to="/p/$project/w/$workspace"
            params={{ project: workspace.projectId, workspace: workspace.id }}
            className={getButtonClass("plain")}
          >
            <FolderOpen size={15} aria-hidden="true" />
            Open workspace
          </Link>
        )}
        <Button disabled={extend.isPending} onClick={() => extend.mutate()}>
          Keep for 8 hours
        </Button>
        {asked ? (
          <Button kind="danger" disabled={destroy.isPending} onClick={() => destroy.mutate()}>
            Remove it and unpushed work
          </Button>
        ) : (
          <Button kind="quiet" onClick={() => setAsked(true)}>
            <Trash2 size={14} aria-hidden="true" />
            Remove
          </Button>
        )}
      </div>
      {error !== null && (
        <p role="alert" className="text-small text-failed">
          {getErrorMessage(error)}
        </p>
      )}
    </>
  );
}
