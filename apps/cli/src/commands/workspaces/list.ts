/** `samovar workspaces`: existing workspaces, why they are retained and for how long; `--all` includes destroyed ones. */
import type { ApiClient } from "@samovar/client/api-client";
import type { WorkspaceState, WorkspaceView } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { toSafeLine } from "../../output/safe-text.ts";
import { formatTable } from "../../output/table.ts";
import { formatTimeLeft } from "../../output/task-detail.ts";
import { type CommandContext, printJson } from "../context.ts";

const EXISTING: readonly WorkspaceState[] = ["creating", "ready", "busy", "retained", "destroying"];

export async function listWorkspaces(all: boolean, context: CommandContext): Promise<number> {
  const { terminal, clock } = context;
  const client = await requireSamovar(context);
  const found = all ? await client.workspaces() : await listExisting(client);
  if (context.json) {
    printJson(terminal, found);
    return 0;
  }
  const rows = found.map((workspace) => [
    workspace.id,
    workspace.state,
    formatLeft(workspace, clock.now()),
    workspace.taskId ?? "–",
    toSafeLine(workspace.branch ?? "–", 60),
    formatReason(workspace),
  ]);
  const none = all ? "There are no workspaces yet." : "There are no workspaces now. Include destroyed ones with: --all";
  terminal.line(formatTable(["workspace", "state", "left", "task", "branch", "reason"], rows, none, terminal.style));
  return 0;
}

async function listExisting(client: ApiClient): Promise<WorkspaceView[]> {
  const lists = await Promise.all(EXISTING.map((state) => client.workspaces(state)));
  // A workspace that changes its state between two requests is in both lists.
  const each = new Map(lists.flat().map((workspace) => [workspace.id, workspace]));
  return [...each.values()].toSorted((a, b) => b.createdAt - a.createdAt);
}

function formatLeft({ state, retainedUntil }: WorkspaceView, now: number): string {
  return state === "retained" && retainedUntil !== null ? formatTimeLeft(retainedUntil, now).replace(/^for /, "") : "–";
}

function formatReason({ state, failure }: WorkspaceView): string {
  if (failure !== null) return toSafeLine(failure.message, 100);
  return state === "retained" ? "not everything was pushed; see its task" : "–";
}
