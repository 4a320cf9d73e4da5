/** Finds things by what a person types: a project's name; an id, whole or shortened to a start or an end that is one thing's alone. */
import type { SessionId, TaskId } from "@samovar/base";
import type { ApiClient } from "@samovar/client/api-client";
import type { ProjectView, SessionView, TaskView, WorkspaceView } from "@samovar/contracts";
import { sessionId, taskId, workspaceId } from "@samovar/contracts";
import { CliError } from "./errors.ts";

/** Characters of a shortened id: fewer would be met by chance. */
const LEAST_CHARS = 4;
const SHOWN_CHARS = 8;
const MOST_NAMED = 5;

/** The end of an id, as commands are suggested with it. */
export function shortId(id: string): string {
  return id.slice(-SHOWN_CHARS);
}

interface Noun {
  readonly prefix: "tsk" | "ses" | "wsp";
  readonly name: string;
  /** The command that lists them. */
  readonly list: string;
}

const TASK: Noun = { prefix: "tsk", name: "task", list: "samovar tasks" };
const SESSION: Noun = { prefix: "ses", name: "session", list: "samovar sessions" };
const WORKSPACE: Noun = { prefix: "wsp", name: "workspace", list: "samovar workspaces --all" };

/** Projects that are not archived. */
export async function openProjects(client: ApiClient): Promise<ProjectView[]> {
  return (await client.projects()).filter((project) => project.archivedAt === null);
}

/** Projects that are not archived, narrowed to a name or id when one is given. */
export async function projectsNamed(client: ApiClient, name: string | undefined): Promise<readonly ProjectView[]> {
  return namedProjects(await openProjects(client), name);
}

/** Those of a name or id; all without one. Throws {@link CliError} when there are none. */
export function namedProjects(open: readonly ProjectView[], name: string | undefined): readonly ProjectView[] {
  if (name === undefined) return open;
  const named = open.filter((project) => project.name === name || project.id === name);
  if (named.length > 0) return named;
  const known = open.map((project) => project.name).join(", ");
  throw new CliError(
    `There is no project ${name}.`,
    known === "" ? "There are none yet: samovar run makes one." : `There are: ${known}`,
  );
}

export interface FoundTask {
  readonly project: ProjectView;
  readonly task: TaskView;
}

export async function findTask(client: ApiClient, text: string): Promise<FoundTask> {
  const parsed = taskId.safeParse(text);
  if (!parsed.success) pieceOf(TASK, text);
  const projects = await client.projects();
  if (!parsed.success) {
    const all = await ofAll(projects, (project) => client.tasks(project.id));
    const { project, item } = only(TASK, text, all);
    return { project, task: item };
  }
  const found = await inAny<TaskId, TaskView>(projects, parsed.data, (project, id) => client.task(project.id, id));
  if (found === null) throw absent(TASK, text);
  return { project: found.project, task: found.item };
}

/** The ids of tasks of this project. */
export async function findTaskIds(
  client: ApiClient,
  project: ProjectView,
  texts: readonly string[],
): Promise<TaskId[]> {
  if (texts.length === 0) return [];
  const tasks = (await client.tasks(project.id)).map((item) => ({ project, item }));
  return [...new Set(texts.map((text) => only(TASK, text, tasks).item.id))];
}

export interface FoundSession {
  readonly project: ProjectView;
  readonly session: SessionView;
}

export async function findSession(client: ApiClient, text: string): Promise<FoundSession> {
  const parsed = sessionId.safeParse(text);
  if (!parsed.success) pieceOf(SESSION, text);
  const projects = await client.projects();
  if (!parsed.success) {
    const all = await ofAll(projects, (project) => client.sessions(project.id));
    const { project, item } = only(SESSION, text, all);
    return { project, session: item };
  }
  const found = await inAny<SessionId, SessionView>(projects, parsed.data, (project, id) =>
    client.session(project.id, id),
  );
  if (found === null) throw absent(SESSION, text);
  return { project: found.project, session: found.item };
}

export async function findWorkspace(client: ApiClient, text: string): Promise<WorkspaceView> {
  const parsed = workspaceId.safeParse(text);
  if (!parsed.success) {
    pieceOf(WORKSPACE, text);
    const all = (await client.workspaces()).map((item) => ({ item }));
    return only(WORKSPACE, text, all).item;
  }
  const found = await orAbsent<WorkspaceView>(client.workspace(parsed.data));
  if (found === null) throw absent(WORKSPACE, text);
  return found;
}

async function ofAll<T>(
  projects: readonly ProjectView[],
  read: (project: ProjectView) => Promise<T[]>,
): Promise<{ project: ProjectView; item: T }[]> {
  const lists = await Promise.all(
    projects.map(async (project) => (await read(project)).map((item) => ({ project, item }))),
  );
  return lists.flat();
}

async function inAny<Id, T>(
  projects: readonly ProjectView[],
  id: Id,
  read: (project: ProjectView, id: Id) => Promise<T>,
): Promise<{ project: ProjectView; item: T } | null> {
  for (const project of projects) {
    const item = await orAbsent(read(project, id));
    if (item !== null) return { project, item };
  }
  return null;
}

/** The one whose id this text begins or ends. Throws {@link CliError} when that is none, or several. */
function only<T extends { readonly item: { readonly id: string } }>(noun: Noun, text: string, all: readonly T[]): T {
  const piece = pieceOf(noun, text);
  const found = all.filter(({ item: { id } }) => id.startsWith(`${noun.prefix}_${piece}`) || id.endsWith(piece));
  const [one, other] = found;
  if (one === undefined) throw absent(noun, text);
  if (other === undefined) return one;
  const named = found.slice(0, MOST_NAMED).map(({ item: { id } }) => id);
  const more = found.length > MOST_NAMED ? ` and ${found.length - MOST_NAMED} more` : "";
  throw new CliError(`Several ${noun.name}s are meant by ${text}.`, `They are: ${named.join(", ")}${more}`);
}

/** What was typed, without the prefix. */
function pieceOf(noun: Noun, text: string): string {
  const typed = text.toLowerCase();
  const piece = typed.startsWith(`${noun.prefix}_`) ? typed.slice(noun.prefix.length + 1) : typed;
  if (piece.length >= LEAST_CHARS && /^[0-9a-z]+$/.test(piece)) return piece;
  throw new CliError(
    `${text} is no ${noun.name}'s id.`,
    `Give it whole, or at least ${LEAST_CHARS} characters of its start or end. See them with: ${noun.list}`,
  );
}

const absent = (noun: Noun, text: string): CliError =>
  new CliError(`There is no ${noun.name} ${text}.`, `See them with: ${noun.list}`);

async function orAbsent<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof CliError && error.code === "not_found") return null;
    throw error;
  }
}
