/** `samovar start`, `retry`, `cancel`, `acknowledge` and `edit`: what a person decides about a task that is there. */
import type { PatchTask, TaskView } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findTask, findTaskIds, shortId } from "../../client/find.ts";
import { type CommandContext, printJson } from "../context.ts";
import { follow } from "./follow.ts";

/** Runs one that is stored and has not run yet. */
export async function startTask(text: string, follows: boolean, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  if (task.status === "failed" || task.status === "cancelled")
    throw new CliError(`${task.id} has ${task.status === "failed" ? "failed" : "been cancelled"}.`, again(task));
  if (task.status === "completed") throw new CliError(`${task.id} is completed.`, "Run another: samovar run");
  const known = await client.taskEvents(project.id, task.id);
  return follow(await client.runTask(project.id, task.id), project, { follow: follows, known }, context);
}

/** A new attempt of one that failed or was cancelled, in a session of its own. */
export async function retryTask(text: string, follows: boolean, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  const known = await client.taskEvents(project.id, task.id);
  return follow(await client.retryTask(project.id, task.id), project, { follow: follows, known }, context);
}

/** Comes back when the wish is recorded: the task ends when its agent has stopped. */
export async function cancelTask(text: string, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const found = await findTask(client, text);
  const task = await client.cancelTask(found.project.id, found.task.id);
  if (context.json) printJson(context.terminal, task);
  else
    context.terminal.line(isTerminal(task.status) ? `${task.id} is ${task.status}.` : `${task.id} is being cancelled.`);
  return 0;
}

/** A failed task is counted no more among what needs somebody, or is again. */
export async function acknowledgeTask(text: string, acknowledged: boolean, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const found = await findTask(client, text);
  const task = await client.acknowledgeTask(found.project.id, found.task.id, acknowledged);
  if (context.json) printJson(context.terminal, task);
  else context.terminal.line(`${task.id} ${acknowledged ? "is set aside" : "needs somebody again"}.`);
  return 0;
}

export interface TaskEdits {
  readonly changes: PatchTask;
  /** Shortened ids of what it comes after; null leaves that as it is. */
  readonly dependsOn: readonly string[] | null;
}

export async function editTask(
  text: string,
  { changes, dependsOn }: TaskEdits,
  context: CommandContext,
): Promise<number> {
  if (Object.keys(changes).length === 0 && dependsOn === null)
    throw new CliError("Say what to change.", "Such as: samovar edit TASK --priority high");
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  const after = dependsOn === null ? {} : { dependsOn: await findTaskIds(client, project, dependsOn) };
  const edited = await client.patchTask(project.id, task.id, { ...changes, ...after });
  if (context.json) printJson(context.terminal, edited);
  else context.terminal.line(`${edited.id} is changed. See it with: samovar task ${shortId(edited.id)}`);
  return 0;
}

const again = (task: TaskView): string => `Try it again with: samovar retry ${shortId(task.id)}`;
