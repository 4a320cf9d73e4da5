/** Finds things by what a person types: whole ids, or a project's name. */
import type { SessionId, TaskId } from "@samovar/base";
import type { ProjectView, SessionView, TaskView } from "@samovar/contracts";
import { sessionId, taskId } from "@samovar/contracts";
import type { ApiClient } from "./api.ts";
import { CliError } from "./errors.ts";

export function parseTaskId(text: string): TaskId {
  const parsed = taskId.safeParse(text);
  if (!parsed.success) throw new CliError(`${text} is no task's id.`, "See them with: samovar tasks");
  return parsed.data;
}

export function parseSessionId(text: string): SessionId {
  const parsed = sessionId.safeParse(text);
  if (!parsed.success) throw new CliError(`${text} is no session's id.`, "See them with: samovar sessions");
  return parsed.data;
}

/** Projects that are not archived, narrowed to a name or id when one is given. */
export async function projectsNamed(client: ApiClient, name: string | undefined): Promise<ProjectView[]> {
  const open = (await client.projects()).filter((project) => project.archivedAt === null);
  if (name === undefined) return open;
  const named = open.filter((project) => project.name === name || project.id === name);
  if (named.length > 0) return named;
  const known = open.map((project) => project.name).join(", ");
  throw new CliError(
    `There is no project ${name}.`,
    known === "" ? "There are none yet: samovar run makes one." : `There are: ${known}`,
  );
}

export async function findTask(client: ApiClient, id: TaskId): Promise<{ project: ProjectView; task: TaskView }> {
  for (const project of await client.projects()) {
    const task = await orAbsent(client.task(project.id, id));
    if (task !== null) return { project, task };
  }
  throw new CliError(`There is no task ${id}.`, "See them with: samovar tasks");
}

export async function findSession(
  client: ApiClient,
  id: SessionId,
): Promise<{ project: ProjectView; session: SessionView }> {
  for (const project of await client.projects()) {
    const session = await orAbsent(client.session(project.id, id));
    if (session !== null) return { project, session };
  }
  throw new CliError(`There is no session ${id}.`, "See them with: samovar sessions");
}

async function orAbsent<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof CliError && error.code === "not_found") return null;
    throw error;
  }
}
