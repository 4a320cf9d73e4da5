/** `samovar run`: submits a task for a repository and, unless it goes to the backlog, follows it to its end. */
import type { SamovarClient } from "../../client/samovar-client.ts";
import type { AgentKind, ProjectView, SpendingLimit, TaskView, VmSize } from "@samovar/contracts";
import { createTask } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findTaskIds, filterProjects, listOpenProjects, shortenId } from "../../client/find.ts";
import type { CommandContext } from "../context.ts";
import { printJson } from "../context.ts";
import { type Repository, inspectRepository } from "../repository.ts";
import { follow } from "./follow.ts";

export interface RunOptions {
  readonly repo?: string | undefined;
  readonly project?: string | undefined;
  readonly base?: string | undefined;
  readonly agent?: AgentKind | undefined;
  readonly size?: VmSize | undefined;
  readonly priority?: number | undefined;
  readonly model?: string | undefined;
  readonly mode?: string | undefined;
  /** Its own limit on spending; null or absent for its project's. */
  readonly budget?: SpendingLimit | null | undefined;
  /** Ids, whole or in part, of tasks of the same project. */
  readonly dependsOn?: readonly string[] | undefined;
  /** True by default. */
  readonly follow?: boolean | undefined;
  readonly backlog: boolean;
}

/** Resolves with the exit code: 0 completed (or stored), 1 failed, 3 cancelled. */
export async function run(given: string, options: RunOptions, context: CommandContext): Promise<number> {
  const text = parseText(given === "-" ? await context.readStdin() : given);
  // In parallel; an error of the repository is reported first.
  const connecting = Promise.allSettled([connect(context)]);
  const repository = await repositoryOf(options, context);
  const [connected] = await connecting;
  if (connected.status === "rejected") throw connected.reason;
  const { client, projects } = connected.value;
  const project = await projectFor(client, projects, repository, options);
  const dependsOn = await findTaskIds(client, project, options.dependsOn ?? []);
  const task = await client.createTask(project.id, {
    description: text,
    run: !options.backlog,
    agent: options.agent ?? null,
    vmSize: options.size ?? null,
    priority: options.priority ?? 0,
    model: options.model ?? null,
    permissionMode: options.mode ?? null,
    budget: options.budget ?? null,
    dependsOn,
    baseBranch: repository?.baseBranch ?? options.base ?? null,
  });
  for (const warning of (await repository?.warnings) ?? []) context.terminal.note(`Note: ${warning}`);
  if (options.backlog) return reportStored(task, context);
  return follow(task, project, { follow: options.follow ?? true }, context);
}

/** The control plane's rule, checked before the request is sent. */
function parseText(text: string): string {
  const parsed = createTask.shape.description.safeParse(text);
  if (parsed.success) return parsed.data;
  const message = parsed.error.issues[0]?.message ?? "The task's text is invalid.";
  throw new CliError(
    `${message.charAt(0).toUpperCase()}${message.slice(1)}.`,
    text.trim() === "" ? 'Example: samovar run "fix the failing test"' : null,
  );
}

/** Null when only a project is given: the project knows its repository. */
async function repositoryOf(options: RunOptions, context: CommandContext): Promise<Repository | null> {
  if (options.repo === undefined && options.project !== undefined) return null;
  return inspectRepository(options.repo ?? ".", options.base, context.cwd);
}

async function connect(context: CommandContext) {
  const client = await requireSamovar(context);
  return { client, projects: await listOpenProjects(client) };
}

async function projectFor(
  client: SamovarClient,
  projects: readonly ProjectView[],
  repository: Repository | null,
  options: RunOptions,
): Promise<ProjectView> {
  if (repository === null) {
    const [only, other] = filterProjects(projects, options.project);
    if (only !== undefined && other === undefined) return only;
    throw new CliError(
      `Several projects are named ${options.project}.`,
      "Choose one with --repo, or give the project's id.",
    );
  }
  const known = projects.find(
    (project) =>
      project.repoUrl === repository.url &&
      (options.project === undefined || project.name === options.project || project.id === options.project),
  );
  return (
    known ?? client.createProject({ name: (options.project ?? repository.name).slice(0, 100), repoUrl: repository.url })
  );
}

function reportStored(task: TaskView, { json, terminal }: CommandContext): number {
  if (json) printJson(terminal, { event: "stored", task });
  else terminal.line(`Stored as ${task.id} in the backlog. Run it with: samovar start ${shortenId(task.id)}`);
  return 0;
}
