/** A look into a workspace through its node: where it is, what was changed there, and how long it stays. */
import { workspaceId, type WorkspaceDiff } from "@samovar/contracts";
import { invariant, type WorkspaceId } from "@samovar/base";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { ArrowLeft, GitBranch, RotateCw } from "lucide-react";
import { RetainedWorkspace } from "../features/workspaces/retained-workspace.tsx";
import { UnifiedDiff } from "../features/changes/unified-diff.tsx";
import { visibleText } from "../lib/visible-text.ts";
import { workspaceChangesQuery, workspaceQuery } from "../api/workspaces.ts";
import { Button, getButtonClass } from "../ui/button.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../ui/use-title.ts";

export function WorkspacePage() {
  const params = useParams({ strict: false });
  const id = workspaceId.safeParse(params.workspace).data;
  invariant(id !== undefined && params.project !== undefined, "a workspace page without a workspace");
  useTitle("Workspace");
  const workspace = useQuery(workspaceQuery(id));
  return (
    <main className="min-h-0 flex-1 overflow-y-auto p-4 tablet:p-6">
      <div className="mx-auto flex w-full max-w-240 flex-col gap-4">
        <div className="flex flex-wrap items-center gap-3">
          {workspace.data?.sessionId != null && (
            <Link
              to="/p/$project/s/$session"
              params={{ project: params.project, session: workspace.data.sessionId }}
              className={getButtonClass("quiet")}
            >
              <ArrowLeft size={15} aria-hidden="true" />
              Session
            </Link>
          )}
          <h1 className="text-page font-semibold">Workspace</h1>
        </div>
        {workspace.isPending && <Skeleton label="Loading the workspace" lines={[40, 80]} />}
        {workspace.isError && (
          <ErrorPanel
            what="Couldn't load the workspace."
            error={workspace.error}
            onRetry={() => void workspace.refetch()}
          />
        )}
        {workspace.data !== undefined && <RetainedWorkspace workspace={workspace.data} />}
        {workspace.data !== undefined && isThere(workspace.data.state) && <Inside workspace={id} />}
      </div>
    </main>
  );
}

const isThere = (state: string): boolean => state !== "destroyed" && state !== "failed" && state !== "creating";

function Inside({ workspace }: { readonly workspace: WorkspaceId }) {
  const look = useQuery(workspaceChangesQuery(workspace));
  if (look.isPending) return <Skeleton label="Loading changes" lines={[60, 100, 90, 80]} />;
  if (look.data === undefined) {
    return <ErrorPanel what="Couldn't open the workspace." error={look.error} onRetry={() => void look.refetch()} />;
  }
  return (
    <>
      <Place look={look.data} refreshing={look.isFetching} onRefresh={() => void look.refetch()} />
      {look.isError && <ErrorPanel what="Couldn't refresh; showing the last known state." error={look.error} />}
      <Files look={look.data} />
      {look.data.diff !== "" && <UnifiedDiff diff={look.data.diff} truncated={look.data.truncated} />}
    </>
  );
}

interface PlaceProps {
  readonly look: WorkspaceDiff;
  readonly refreshing: boolean;
  readonly onRefresh: () => void;
}

function Place({ look, refreshing, onRefresh }: PlaceProps) {
  return (
    <div className="flex flex-wrap items-center gap-x-4 gap-y-1 text-small text-ink-2">
      <span className="inline-flex min-w-0 items-center gap-1">
        <code className="min-w-0 font-mono text-code wrap-anywhere">{visibleText(look.path)}</code>
        <CopyButton text={look.path} label="Copy path" />
      </span>
      {look.branch !== null && (
        <span className="inline-flex items-center gap-1">
          <GitBranch size={14} aria-hidden="true" />
          <code className="font-mono text-code">{visibleText(look.branch)}</code>
        </span>
      )}
      <Button kind="quiet" disabled={refreshing} onClick={onRefresh}>
        <RotateCw size={14} aria-hidden="true" />
        {refreshing ? "Refreshing…" : "Refresh"}
      </Button>
    </div>
  );
}

function Files({ look }: { readonly look: WorkspaceDiff }) {
  if (look.files.length === 0) return <p className="text-ui text-ink-2">No changes since the base commit.</p>;
  return (
    <section aria-label="Changed files" className="flex flex-col gap-1">
      <h2 className="text-ui font-semibold">
        {look.files.length} changed {look.files.length === 1 ? "file" : "files"}
      </h2>
      <ul className="flex flex-col text-ui">
        {look.files.map((file) => (
          <li key={file.path} className="flex items-baseline gap-3">
            <span className="w-18 shrink-0 text-small text-ink-3">{file.change}</span>
            <code className="min-w-0 font-mono text-code wrap-anywhere">{visibleText(file.path)}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}
