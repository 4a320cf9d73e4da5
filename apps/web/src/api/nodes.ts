/** Nodes: reads and commands. They belong to a person, not to a project. */
import type { Millis, NodeId } from "@samovar/base";
import { LIMITS, nodeView, nodeWork, page, poolHistory, sizeOffer, spending, type NodeView } from "@samovar/contracts";
import { queryOptions } from "@tanstack/react-query";
import { api } from "./client.ts";
import { failedNodesKey, nodesKey, nodeWorkKey, poolHistoryKey, sizesKey, spendingKey } from "./query-keys.ts";

/** Nodes change without an event on a project's socket. */
const NODES_AGAIN_MS = 5_000;
const HISTORY_AGAIN_MS = 30_000;
/** How many of the newest destroyed nodes are searched for failures. */
const LOST_AMONG = 50;
const SIZES_STALE_MS = 10 * 60_000;

const nodePage = page(nodeView);
const workPage = page(nodeWork);
const sizePage = page(sizeOffer);

/** Those that are not destroyed. */
export const nodesQuery = queryOptions({
  queryKey: nodesKey,
  queryFn: async ({ signal }) =>
    (await api.call("GET /api/nodes", nodePage, { query: { limit: LIMITS.pageMax } }, { signal })).items,
  refetchInterval: NODES_AGAIN_MS,
});

/** The tasks that run on them, or whose workspaces are retained there. */
export const nodeWorkQuery = queryOptions({
  queryKey: nodeWorkKey,
  queryFn: async ({ signal }) => (await api.call("GET /api/nodes/tasks", workPage, {}, { signal })).items,
  refetchInterval: NODES_AGAIN_MS,
});

/** The newest destroyed nodes that failed. */
export const failedNodesQuery = queryOptions({
  queryKey: failedNodesKey,
  queryFn: async ({ signal }) => {
    const query = { limit: LOST_AMONG, state: "destroyed" } as const;
    const { items } = await api.call("GET /api/nodes", nodePage, { query }, { signal });
    return items.filter((node) => node.failure !== null);
  },
  refetchInterval: HISTORY_AGAIN_MS,
});

/** The last 24 hours. */
export const poolHistoryQuery = queryOptions({
  queryKey: poolHistoryKey,
  queryFn: ({ signal }) => api.call("GET /api/nodes/history", poolHistory, { query: { hours: 24 } }, { signal }),
  refetchInterval: HISTORY_AGAIN_MS,
});

/** What nodes have cost since a moment, such as the start of today. */
export const spendingQuery = (since: Millis) =>
  queryOptions({
    queryKey: spendingKey(since),
    queryFn: ({ signal }) => api.call("GET /api/nodes/cost", spending, { query: { since } }, { signal }),
    refetchInterval: HISTORY_AGAIN_MS,
  });

/** The node sizes and what each costs; the figures are null while the provider is unavailable. */
export const sizesQuery = queryOptions({
  queryKey: sizesKey,
  queryFn: async ({ signal }) => (await api.call("GET /api/sizes", sizePage, {}, { signal })).items,
  staleTime: SIZES_STALE_MS,
});

export type NodeAction = "drain" | "destroy";

export const actOnNode = (nodeId: NodeId, action: NodeAction): Promise<NodeView> =>
  api.call(`POST /api/nodes/{nodeId}/${action}`, nodeView, { nodeId });
