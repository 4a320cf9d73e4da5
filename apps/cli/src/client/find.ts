/** Finds projects by name, and tasks, sessions, workspaces, API tokens and sign-in sessions by id or any unique prefix or suffix of it. */
import type { SessionId, TaskId } from "@samovar/base";
import type { SamovarClient } from "./samovar-client.ts";
import type {
  ApiTokenView,
  ProjectView,
  SessionView,
  SignInSessionView,
  TaskView,
  WorkspaceView,
} from "@samovar/contracts";
import { sessionId, taskId, workspaceId } from "@samovar/contracts";
import { CliError } from "./errors.ts";

/** Shorter pieces of an id would match by chance. */
const MIN_CHARS = 4;
const SHOWN_CHARS = 8;
const MAX_NAMED = 5;

/** The last characters of an id, as used in suggested commands. */
export function shortenId(id: string): string {
  return id.slice(-SHOWN_CHARS);
}

interface Noun {
  readonly prefix: "tsk" | "ses" | "wsp" | "tok" | "sgn";
  readonly name: string;
  /** The command that lists all of them. */
  readonly list: string;
}

const TASK: Noun = { prefix: "tsk", name: "task", list: "samovar tasks" };
const SESSION: Noun = { prefix: "ses", name: "session", list: "samovar sessions" };
const WORKSPACE: Noun = { prefix: "wsp", name: "workspace", list: "samovar workspaces --all" };

const TOKEN: Noun = { prefix: "tok", name: "API token", list: "samovar tokens" };
const SIGN_IN: Noun = { prefix: "sgn", name: "sign-in session", list: "samovar sign-ins" };

/** Projects that are not archived. */
export async function listOpenProjects(client: SamovarClient): Promise<ProjectView[]> {
  return (await client.projects()).filter((project) => project.archivedAt === null);
}

/** Projects that are not archived, filtered by a name or id when one is given. */
export async function findProjects(client: SamovarClient, name: string | undefined): Promise<readonly ProjectView[]> {
  return filterProjects(await listOpenProjects(client), name);
}

/** The projects with this name or id; all of them without one. Throws {@link CliError} when none matches. */
export function filterProjects(open: readonly ProjectView[], name: string | undefined): readonly ProjectView[] {
  if (name === undefined) return open;
  const named = open.filter((project) => project.name === name || project.id === name);
  if (named.length > 0) return named;
  const known = open.map((project) => project.name).join(", ");
  throw new CliError(
    `No project is named ${name}.`,
    known === "" ? "There are no projects yet. Create one with: samovar run" : `Projects: ${known}`,
  );
}

export interface FoundTask {
  readonly project: ProjectView;
  readonly task: TaskView;
}

export async function findTask(client: SamovarClient, text: string): Promise<FoundTask> {
  const parsed = taskId.safeParse(text);
  if (!parsed.success) parseIdPart(TASK, text);
  const projects = await client.projects();
  if (!parsed.success) {
    const all = await listFromAll(projects, (project) => client.tasks(project.id));
    const { project, item } = requireOne(TASK, text, all);
    return { project, task: item };
  }
  const found = await inAny<TaskId, TaskView>(projects, parsed.data, (project, id) => client.task(project.id, id));
  if (found === null) throw createNotFound(TASK, text);
  return { project: found.project, task: found.item };
}

/** The ids of tasks of this project, given whole or in part. */
export async function findTaskIds(
  client: SamovarClient,
  project: ProjectView,
  texts: readonly string[],
): Promise<TaskId[]> {
  if (texts.length === 0) return [];
  const tasks = (await client.tasks(project.id)).map((item) => ({ project, item }));
  return [...new Set(texts.map((text) => requireOne(TASK, text, tasks).item.id))];
}

export interface FoundSession {
  readonly project: ProjectView;
  readonly session: SessionView;
}

export async function findSession(client: SamovarClient, text: string): Promise<FoundSession> {
  const parsed = sessionId.safeParse(text);
  if (!parsed.success) parseIdPart(SESSION, text);
  const projects = await client.projects();
  if (!parsed.success) {
    const all = await listFromAll(projects, (project) => client.sessions(project.id));
    const { project, item } = requireOne(SESSION, text, all);
    return { project, session: item };
  }
  const found = await inAny<SessionId, SessionView>(projects, parsed.data, (project, id) =>
    client.session(project.id, id),
  );
  if (found === null) throw createNotFound(SESSION, text);
  return { project: found.project, session: found.item };
}

export async function findWorkspace(client: SamovarClient, text: string): Promise<WorkspaceView> {
  const parsed = workspaceId.safeParse(text);
  if (!parsed.success) {
    parseIdPart(WORKSPACE, text);
    const all = (await client.workspaces()).map((item) => ({ item }));
    return requireOne(WORKSPACE, text, all).item;
  }
  const found = await orNull<WorkspaceView>(client.workspace(parsed.data));
  if (found === null) throw createNotFound(WORKSPACE, text);
  return found;
}

export async function findApiToken(client: SamovarClient, text: string): Promise<ApiTokenView> {
  parseIdPart(TOKEN, text);
  return requireOne(
    TOKEN,
    text,
    (await client.apiTokens()).map((item) => ({ item })),
  ).item;
}

export async function findSignInSession(client: SamovarClient, text: string): Promise<SignInSessionView> {
  parseIdPart(SIGN_IN, text);
  return requireOne(
    SIGN_IN,
    text,
    (await client.signInSessions()).map((item) => ({ item })),
  ).item;
}

async function listFromAll<T>(
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
    const item = await orNull(read(project, id));
    if (item !== null) return { project, item };
  }
  return null;
}

/** The item whose id begins or ends with this text. Throws {@link CliError} when none or several match. */
function requireOne<T extends { readonly item: { readonly id: string } }>(
  noun: Noun,
  text: string,
  all: readonly T[],
): T {
  const piece = parseIdPart(noun, text);
  const found = all.filter(({ item: { id } }) => id.startsWith(`${noun.prefix}_${piece}`) || id.endsWith(piece));
  const [one, other] = found;
  if (one === undefined) throw createNotFound(noun, text);
  if (other === undefined) return one;
  const named = found.slice(0, MAX_NAMED).map(({ item: { id } }) => id);
  const more = found.length > MAX_NAMED ? ` and ${found.length - MAX_NAMED} more` : "";
  throw new CliError(`${text} matches several ${noun.name}s.`, `They are: ${named.join(", ")}${more}`);
}

/** The typed part of an id, without its prefix. Throws {@link CliError} when it is too short or not part of an id. */
function parseIdPart(noun: Noun, text: string): string {
  const typed = text.toLowerCase();
  const piece = typed.startsWith(`${noun.prefix}_`) ? typed.slice(noun.prefix.length + 1) : typed;
  if (piece.length >= MIN_CHARS && /^[0-9a-z]+$/.test(piece)) return piece;
  throw new CliError(
    `${text} is not a ${noun.name} id.`,
    `Give the whole id, or at least ${MIN_CHARS} characters of its start or end. List them with: ${noun.list}`,
  );
}

const createNotFound = (noun: Noun, text: string): CliError =>
  new CliError(`No ${noun.name} matches ${text}.`, `List them with: ${noun.list}`);

async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof CliError && error.code === "not_found") return null;
    throw error;
  }
}
