/** `samovar start`, `retry`, `cancel`, `acknowledge` and `edit`: commands that change an existing task. */
import type { PatchTask, TaskView } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findTask, findTaskIds, shortenId } from "../../client/find.ts";
import { type CommandContext, printJson } from "../context.ts";
import { follow } from "./follow.ts";

/** Runs a task from the backlog. */
export async function startTask(text: string, shouldFollow: boolean, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  if (task.status === "failed" || task.status === "cancelled")
    throw new CliError(`${task.id} ${task.status === "failed" ? "has failed" : "was cancelled"}.`, suggestRetry(task));
  if (task.status === "completed")
    throw new CliError(`${task.id} is already completed.`, "Run a new task with: samovar run");
  const known = await client.taskEvents(project.id, task.id);
  return follow(await client.runTask(project.id, task.id), project, { follow: shouldFollow, known }, context);
}

/** Starts a new attempt of a failed or cancelled task, in a new session. */
export async function retryTask(text: string, shouldFollow: boolean, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  const known = await client.taskEvents(project.id, task.id);
  return follow(await client.retryTask(project.id, task.id), project, { follow: shouldFollow, known }, context);
}

/** Returns when the request is recorded; the task ends once its agent has stopped. */
export async function cancelTask(text: string, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const found = await findTask(client, text);
  const task = await client.cancelTask(found.project.id, found.task.id);
  if (context.json) printJson(context.terminal, task);
  else
    context.terminal.line(isTerminal(task.status) ? `${task.id} is ${task.status}.` : `${task.id} is being cancelled.`);
  return 0;
}

/** Acknowledges a failed task, so that it no longer counts as needing attention, or undoes this. */
export async function acknowledgeTask(text: string, acknowledged: boolean, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const found = await findTask(client, text);
  const task = await client.acknowledgeTask(found.project.id, found.task.id, acknowledged);
  if (context.json) printJson(context.terminal, task);
  else context.terminal.line(`${task.id} is ${acknowledged ? "acknowledged" : "no longer acknowledged"}.`);
  return 0;
}

export interface TaskEdits {
  readonly changes: PatchTask;
  /** Ids of the dependencies, whole or in part; null leaves them unchanged. */
  readonly dependsOn: readonly string[] | null;
}

export async function editTask(
  text: string,
  { changes, dependsOn }: TaskEdits,
  context: CommandContext,
): Promise<number> {
  if (Object.keys(changes).length === 0 && dependsOn === null)
    throw new CliError("Nothing to change.", "Example: samovar edit TASK --priority high");
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  const after = dependsOn === null ? {} : { dependsOn: await findTaskIds(client, project, dependsOn) };
  const edited = await client.patchTask(project.id, task.id, { ...changes, ...after });
  if (context.json) printJson(context.terminal, edited);
  else context.terminal.line(`Changed ${edited.id}. See it with: samovar task ${shortenId(edited.id)}`);
  return 0;
}

const suggestRetry = (task: TaskView): string => `Retry it with: samovar retry ${shortenId(task.id)}`;
