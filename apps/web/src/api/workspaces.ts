/** Workspaces: reads and commands. They belong to a person, not to a project. */
import type { WorkspaceId } from "@samovar/base";
import { page, workspaceDiff, workspaceView, type WorkspaceView } from "@samovar/contracts";
import { queryOptions, skipToken } from "@tanstack/react-query";
import { call } from "./client.ts";
import { workspaceChangesKey, workspaceKey, workspacesKey } from "./query-keys.ts";

const MAX_PAGE = 200;
/** Workspaces change without an event on a project's socket. */
const REFETCH_MS = 5_000;

const workspacePage = page(workspaceView);

/** The retained workspaces, on all nodes. */
export const retainedWorkspacesQuery = queryOptions({
  queryKey: [...workspacesKey, "retained"],
  queryFn: async ({ signal }) =>
    (await call(`/workspaces?limit=${MAX_PAGE}&state=retained`, workspacePage, { signal })).items,
  refetchInterval: REFETCH_MS,
});

/** Nothing is asked for null. */
export const workspaceQuery = (workspace: WorkspaceId | null) =>
  queryOptions({
    queryKey: workspaceKey(workspace),
    queryFn:
      workspace === null ? skipToken : ({ signal }) => call(`/workspaces/${workspace}`, workspaceView, { signal }),
  });

/** What is in a workspace now, asked of its node. */
export const workspaceChangesQuery = (workspace: WorkspaceId) =>
  queryOptions({
    queryKey: workspaceChangesKey(workspace),
    queryFn: ({ signal }) => call(`/workspaces/${workspace}/diff`, workspaceDiff, { signal }),
    staleTime: 0,
  });

export const extendWorkspace = (workspace: WorkspaceId, keepForMs: number): Promise<WorkspaceView> =>
  call(`/workspaces/${workspace}/extend`, workspaceView, { method: "POST", body: { keepForMs } });

export const destroyWorkspace = (workspace: WorkspaceId): Promise<WorkspaceView> =>
  call(`/workspaces/${workspace}/destroy`, workspaceView, { method: "POST" });
