/** The machines: what each is doing, how long it stays, what it costs. */
import { useQuery } from "@tanstack/react-query";
import { NodeTable } from "../components/nodes/node-table.tsx";
import { nodesQuery } from "../data/machines.ts";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../ui/use-title.ts";

export function Nodes() {
  useTitle("Nodes");
  const nodes = useQuery(nodesQuery);
  return (
    <main className="min-h-0 flex-1 overflow-y-auto p-4 tablet:p-8">
      <div className="mx-auto flex w-full max-w-290 flex-col gap-5">
        <h1 className="text-page font-semibold">Nodes</h1>
        {nodes.isPending && <Skeleton label="Reading nodes" lines={[100, 100]} />}
        {nodes.isError && nodes.data === undefined && (
          <ErrorPanel what="The nodes could not be read." error={nodes.error} onRetry={() => void nodes.refetch()} />
        )}
        {nodes.data?.length === 0 && (
          <p className="text-ui text-ink-2">
            No machine is there now. A task makes one when it needs one, and it stays warm for the next for a while.
          </p>
        )}
        {nodes.data !== undefined && nodes.data.length > 0 && <NodeTable nodes={nodes.data} />}
      </div>
    </main>
  );
}
