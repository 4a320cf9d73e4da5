/** `samovar workspaces`: those that exist, with why they are kept and for how long; `--all` names those that are gone too. */
import type { ApiClient } from "@samovar/client/api-client";
import type { WorkspaceState, WorkspaceView } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { safeLine } from "../../output/safe-text.ts";
import { table } from "../../output/table.ts";
import { timeLeft } from "../../output/task-detail.ts";
import { type CommandContext, printJson } from "../context.ts";

const THERE: readonly WorkspaceState[] = ["creating", "ready", "busy", "retained", "destroying"];

export async function listWorkspaces(all: boolean, context: CommandContext): Promise<number> {
  const { terminal, clock } = context;
  const client = await requireSamovar(context);
  const found = all ? await client.workspaces() : await existing(client);
  if (context.json) {
    printJson(terminal, found);
    return 0;
  }
  const rows = found.map((workspace) => [
    workspace.id,
    workspace.state,
    leftOf(workspace, clock.now()),
    workspace.taskId ?? "–",
    safeLine(workspace.branch ?? "–", 60),
    reasonOf(workspace),
  ]);
  const none = all ? "There were no workspaces yet." : "There are no workspaces now. See those that were: --all";
  terminal.line(table(["workspace", "state", "left", "task", "branch", "why"], rows, none, terminal.style));
  return 0;
}

async function existing(client: ApiClient): Promise<WorkspaceView[]> {
  const lists = await Promise.all(THERE.map((state) => client.workspaces(state)));
  // One that changed its state between two lists is in both.
  const each = new Map(lists.flat().map((workspace) => [workspace.id, workspace]));
  return [...each.values()].toSorted((a, b) => b.createdAt - a.createdAt);
}

function leftOf({ state, retainedUntil }: WorkspaceView, now: number): string {
  return state === "retained" && retainedUntil !== null ? timeLeft(retainedUntil, now).replace(/^for /, "") : "–";
}

function reasonOf({ state, failure }: WorkspaceView): string {
  if (failure !== null) return safeLine(failure.message, 100);
  return state === "retained" ? "its task tells: not everything was pushed" : "–";
}
