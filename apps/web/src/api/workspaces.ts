/** Workspaces: reads and commands. They belong to a person, not to a project. */
import type { WorkspaceId } from "@samovar/base";
import { LIMITS, page, workspaceDiff, workspaceView, type WorkspaceView } from "@samovar/contracts";
import { queryOptions, skipToken } from "@tanstack/react-query";
import { api } from "./client.ts";
import { workspaceChangesKey, workspaceKey, workspacesKey } from "./query-keys.ts";

/** Workspaces change without an event on a project's socket. */
const REFETCH_MS = 5_000;

const workspacePage = page(workspaceView);

/** The retained workspaces, on all nodes. */
export const retainedWorkspacesQuery = queryOptions({
  queryKey: [...workspacesKey, "retained"],
  queryFn: async ({ signal }) => {
    const query = { limit: LIMITS.pageMax, state: "retained" } as const;
    return (await api.call("GET /api/workspaces", workspacePage, { query }, { signal })).items;
  },
  refetchInterval: REFETCH_MS,
});

/** Nothing is asked for null. */
export const workspaceQuery = (workspaceId: WorkspaceId | null) =>
  queryOptions({
    queryKey: workspaceKey(workspaceId),
    queryFn:
      workspaceId === null
        ? skipToken
        : ({ signal }) => api.call("GET /api/workspaces/{workspaceId}", workspaceView, { workspaceId }, { signal }),
  });

/** What is in a workspace now, asked of its node. */
export const workspaceChangesQuery = (workspaceId: WorkspaceId) =>
  queryOptions({
    queryKey: workspaceChangesKey(workspaceId),
    queryFn: ({ signal }) =>
      api.call("GET /api/workspaces/{workspaceId}/diff", workspaceDiff, { workspaceId }, { signal }),
    staleTime: 0,
  });

export const extendWorkspace = (workspaceId: WorkspaceId, keepForMs: number): Promise<WorkspaceView> =>
  api.call("POST /api/workspaces/{workspaceId}/extend", workspaceView, { workspaceId, body: { keepForMs } });

export const destroyWorkspace = (workspaceId: WorkspaceId): Promise<WorkspaceView> =>
  api.call("POST /api/workspaces/{workspaceId}/destroy", workspaceView, { workspaceId });
