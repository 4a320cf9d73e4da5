/** `samovar run`: submits a task for a repository and, unless it goes to the backlog, follows it to its end. */
import { uuid } from "@samovar/base";
import type { AgentKind, CreateTask, ProjectView, TaskView, VmSize } from "@samovar/contracts";
import { createTask } from "@samovar/contracts";
import type { ApiClient } from "../client/api.ts";
import { requireSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import { projectsNamed } from "../client/find.ts";
import { outcomeLines } from "../output/task-lines.ts";
import type { CommandContext } from "./context.ts";
import { printJson } from "./context.ts";
import { type Repository, inspectRepository } from "./repository.ts";
import { exitCodeOf, watchTask } from "./watch.ts";

export interface RunOptions {
  readonly repo?: string | undefined;
  readonly project?: string | undefined;
  readonly base?: string | undefined;
  readonly agent?: AgentKind | undefined;
  readonly size?: VmSize | undefined;
  readonly backlog: boolean;
}

/** Resolves with the exit code: 0 completed (or stored), 1 failed, 3 cancelled. */
export async function run(given: string, options: RunOptions, context: CommandContext): Promise<number> {
  const text = textOf(given === "-" ? await context.readStdin() : given);
  const repository = await repositoryOf(options, context);
  for (const warning of repository?.warnings ?? []) context.terminal.note(`Note: ${warning}`);
  const client = await requireSamovar(context.dataDir);
  const project = await projectFor(client, repository, options);
  const task = await submit(
    client,
    project,
    {
      description: text,
      run: !options.backlog,
      agent: options.agent ?? null,
      vmSize: options.size ?? null,
      baseBranch: repository?.baseBranch ?? options.base ?? null,
    },
    context,
  );
  if (options.backlog) return stored(task, context);
  return follow(task, project, context);
}

/** The same rule as the control plane's, told before anything is sent. */
function textOf(text: string): string {
  const parsed = createTask.shape.description.safeParse(text);
  if (parsed.success) return parsed.data;
  const message = parsed.error.issues[0]?.message ?? "The task's text cannot be used.";
  throw new CliError(
    `${message.charAt(0).toUpperCase()}${message.slice(1)}.`,
    text.trim() === "" ? 'Such as: samovar run "fix the failing test"' : null,
  );
}

/** Null when a project is named and no repository: the project knows its own. */
async function repositoryOf(options: RunOptions, context: CommandContext): Promise<Repository | null> {
  if (options.repo === undefined && options.project !== undefined) return null;
  return inspectRepository(options.repo ?? ".", options.base, context.cwd);
}

async function projectFor(client: ApiClient, repository: Repository | null, options: RunOptions): Promise<ProjectView> {
  if (repository === null) {
    const [only, other] = await projectsNamed(client, options.project);
    if (only !== undefined && other === undefined) return only;
    throw new CliError(
      `Several projects are named ${options.project}.`,
      "Say which with --repo, or give the project's id.",
    );
  }
  const known = (await projectsNamed(client, undefined)).find(
    (project) =>
      project.repoUrl === repository.url &&
      (options.project === undefined || project.name === options.project || project.id === options.project),
  );
  return (
    known ?? client.createProject({ name: (options.project ?? repository.name).slice(0, 100), repoUrl: repository.url })
  );
}

/** One key for all tries, so that a lost answer makes no second task. */
async function submit(
  client: ApiClient,
  project: ProjectView,
  task: CreateTask,
  context: CommandContext,
): Promise<TaskView> {
  return client.createTask(project.id, task, uuid(context.random));
}

function stored(task: TaskView, { json, terminal }: CommandContext): number {
  if (json) printJson(terminal, { event: "stored", task });
  else terminal.line(`Stored as ${task.id} in the backlog.`);
  return 0;
}

async function follow(task: TaskView, project: ProjectView, context: CommandContext): Promise<number> {
  const { json, terminal } = context;
  if (json) printJson(terminal, { event: "submitted", task });
  else terminal.line(`${terminal.style.bold(task.title)}\n${terminal.style.dim(`${task.id} in ${project.name}`)}`);
  const { task: last, events, ended } = await watchTask(task, context);
  if (json) printJson(terminal, { event: ended ? "ended" : "left", task: last });
  else if (ended) terminal.line(`\n${outcomeLines(last, events, terminal.style).join("\n")}`);
  else terminal.line(`\nLeft; ${last.id} is still ${last.status}. See it with: samovar tasks`);
  return ended ? exitCodeOf(last) : 130;
}
