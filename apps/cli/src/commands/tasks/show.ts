/** `samovar task TASK`: its status, why it waits, what it produced, and what to do next. */
import type { SamovarClient } from "../../client/samovar-client.ts";
import type { TaskView, WorkspaceView } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findTask } from "../../client/find.ts";
import { formatTaskDetail } from "../../output/task-detail.ts";
import { type CommandContext, printJson } from "../context.ts";

/** With `--json`: the task, its events, and its workspace while there is one. */
export async function showTask(text: string, context: CommandContext): Promise<number> {
  const { terminal, clock } = context;
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  const events = await client.taskEvents(project.id, task.id);
  const workspace = await getWorkspace(client, task);
  if (context.json) {
    printJson(terminal, { task, events, workspace });
    return 0;
  }
  const others = await listRelated(client, task);
  terminal.line(formatTaskDetail({ project, task, events, others, workspace }, clock.now(), terminal.style).join("\n"));
  return 0;
}

async function getWorkspace(client: SamovarClient, task: TaskView): Promise<WorkspaceView | null> {
  if (task.workspaceId === null) return null;
  const found = await orNull(client.workspace(task.workspaceId));
  return found?.state === "destroyed" ? null : found;
}

async function listRelated(client: SamovarClient, task: TaskView): Promise<ReadonlyMap<string, TaskView>> {
  const ids = [...new Set([...task.dependsOn, ...(task.waiting?.taskIds ?? [])])];
  // A task ahead in the queue may belong to another project; then only its id is shown.
  const found = await Promise.all(ids.map((id) => orNull(client.task(task.projectId, id))));
  return new Map(found.flatMap((other) => (other === null ? [] : [[other.id, other]])));
}

async function orNull<T>(pending: Promise<T>): Promise<T | null> {
  try {
    return await pending;
  } catch (error) {
    if (error instanceof CliError && error.code === "not_found") return null;
    throw error;
  }
}
