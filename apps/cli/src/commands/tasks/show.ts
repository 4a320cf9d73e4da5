/** `samovar task TASK`: how it stands, why it waits, what came of it, what can be done. */
import type { ApiClient } from "@samovar/client/api-client";
import type { TaskView, WorkspaceView } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findTask } from "../../client/find.ts";
import { taskDetailLines } from "../../output/task-detail.ts";
import { type CommandContext, printJson } from "../context.ts";

/** The JSON is the task, its events, and its workspace while there is one. */
export async function showTask(text: string, context: CommandContext): Promise<number> {
  const { terminal, clock } = context;
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  const events = await client.taskEvents(project.id, task.id);
  const workspace = await workspaceOf(client, task);
  if (context.json) {
    printJson(terminal, { task, events, workspace });
    return 0;
  }
  const others = await othersOf(client, task);
  terminal.line(taskDetailLines({ project, task, events, others, workspace }, clock.now(), terminal.style).join("\n"));
  return 0;
}

async function workspaceOf(client: ApiClient, task: TaskView): Promise<WorkspaceView | null> {
  if (task.workspaceId === null) return null;
  const found = await orAbsent(client.workspace(task.workspaceId));
  return found?.state === "destroyed" ? null : found;
}

async function othersOf(client: ApiClient, task: TaskView): Promise<ReadonlyMap<string, TaskView>> {
  const ids = [...new Set([...task.dependsOn, ...(task.waiting?.taskIds ?? [])])];
  // A task before it in line may be of another project: its id says enough.
  const found = await Promise.all(ids.map((id) => orAbsent(client.task(task.projectId, id))));
  return new Map(found.flatMap((other) => (other === null ? [] : [[other.id, other]])));
}

async function orAbsent<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CliError && error.code === "not_found") return null;
    throw error;
  }
}
