/** The nodes: what each is doing, how long it stays, what it costs, and the pool over the last day. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FailedNodes } from "../features/nodes/failed-nodes.tsx";
import { NodeCards } from "../features/nodes/node-cards.tsx";
import { NodeTable } from "../features/nodes/node-table.tsx";
import { getNodeUsage } from "../features/nodes/node-usage.ts";
import { PoolChart } from "../features/nodes/pool-chart.tsx";
import { PoolSummary } from "../features/nodes/pool-summary.tsx";
import { nodesQuery, nodeWorkQuery } from "../api/nodes.ts";
import { retainedWorkspacesQuery } from "../api/workspaces.ts";
import { getButtonClass } from "../ui/button.tsx";
import { ErrorPanel, getErrorMessage } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { formatClock } from "../lib/format-time.ts";
import { useMedia } from "../ui/use-media.ts";
import { useTitle } from "../ui/use-title.ts";

/** Where a table of so many columns has no room. */
const SMALL = "(width < 64rem)";

export function Nodes() {
  useTitle("Nodes");
  const nodes = useQuery(nodesQuery);
  const retry = () => void nodes.refetch();
  return (
    <main className="min-h-0 flex-1 overflow-y-auto p-4 tablet:p-8">
      <div className="mx-auto flex w-full max-w-290 flex-col gap-6">
        <h1 className="text-page font-semibold">Nodes</h1>
        {nodes.isPending && <Skeleton label="Loading nodes" lines={[100, 100, 60]} />}
        {nodes.isError && nodes.data === undefined && (
          <ErrorPanel what="Couldn't load nodes." error={nodes.error} onRetry={retry} />
        )}
        {nodes.isError && nodes.data !== undefined && (
          <p role="status" className="text-small text-working">
            Last updated at {formatClock(nodes.dataUpdatedAt)}. {getErrorMessage(nodes.error)}
          </p>
        )}
        {nodes.data !== undefined && (
          <>
            <PoolSummary nodes={nodes.data} />
            {nodes.data.length === 0 ? <NoNodes /> : <NodeList />}
            <FailedNodes />
            <PoolChart />
          </>
        )}
      </div>
    </main>
  );
}

function NodeList() {
  const { data: nodes = [] } = useQuery(nodesQuery);
  const { data: work = [] } = useQuery(nodeWorkQuery);
  const { data: retained = [] } = useQuery(retainedWorkspacesQuery);
  const small = useMedia(SMALL);
  const shown = nodes.map((node) => ({ node, usage: getNodeUsage(node, work, retained) }));
  return small ? <NodeCards nodes={shown} /> : <NodeTable nodes={shown} />;
}

function NoNodes() {
  return (
    <section className="flex flex-col items-start gap-3 rounded-xl border border-hairline bg-raised p-5 text-ui">
      <p className="text-ink-2">
        No nodes are running, so nothing costs anything. Samovar creates a node when a task needs one, keeps it warm for
        the next task, and destroys it when none comes.
      </p>
      <Link to="/" className={getButtonClass("plain")}>
        Go to projects
      </Link>
    </section>
  );
}
