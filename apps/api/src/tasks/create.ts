/** Creates a task, once for each Idempotency-Key, and runs it if requested. */
import { LIMITS, SamovarError, taskId } from "@samovar/contracts";
import type { createTask } from "@samovar/contracts";
import type { TaskActor, TaskEventDraft, TaskRecord } from "@samovar/domain/task-status";
import type * as z from "zod";
import type { Deps } from "../deps.ts";
import type { Caller } from "../http/context.ts";
import type { Intent } from "../idempotency.ts";
import { toIntent, toKeyRow, findCreated } from "../idempotency.ts";
import type { ProjectRow } from "../projects/store.ts";
import { assertAgentKnown, assertRunnable } from "../agents/preconditions.ts";
import { assertDependencies } from "./dependencies.ts";
import { ensureRun, ensureSession } from "./launch.ts";
import { publishTask } from "./publish.ts";
import { findTask, insertTask } from "./store.ts";

type Wanted = z.output<typeof createTask>;

/** Returns the task as it is now; for a key that was used before, the task created then. */
export async function createNewTask(
  deps: Deps,
  caller: Caller,
  project: ProjectRow,
  wanted: Wanted,
  idempotencyKey: string | null,
): Promise<TaskRecord> {
  const intent = await toIntent(idempotencyKey, "POST tasks", project.id, wanted);
  const earlier = intent === null ? null : await findEarlierTask(deps, caller, intent);
  if (earlier !== null) return launch(deps, earlier);
  assertOpen(project);
  if (wanted.run) await assertRunnable(deps, caller.id, getTaskAgent(deps, project, wanted));
  else await assertAgentKnown(deps.db, caller.id, wanted.agent);
  await assertDependencies(deps.db, project.id, null, wanted.dependsOn ?? []);
  return launch(deps, await insertOnce(deps, caller, newTaskRecord(deps, project, wanted), intent));
}

/** The agent of a task: its own choice, else its project's, else the installation's. */
export function getTaskAgent(
  { config }: Pick<Deps, "config">,
  project: Pick<ProjectRow, "defaultAgent">,
  task: { readonly agent?: TaskRecord["agent"] | undefined },
) {
  return task.agent ?? project.defaultAgent ?? config.DEFAULT_AGENT;
}

/** Throws `conflict` for an archived project. */
export function assertOpen(project: ProjectRow): void {
  if (project.archivedAt === null) return;
  throw new SamovarError("conflict", "This project is archived. Unarchive it before you add or run tasks.");
}

async function launch(deps: Deps, task: TaskRecord): Promise<TaskRecord> {
  await ensureSession(deps, task);
  if (task.status === "queued" && task.runId !== null) await ensureRun(deps, task, task.runId);
  return task;
}

function newTaskRecord({ clock, ids }: Deps, project: ProjectRow, wanted: Wanted): TaskRecord {
  const now = clock.now();
  return {
    id: ids.make("tsk"),
    projectId: project.id,
    sessionId: ids.make("ses"),
    promptMessageId: ids.messageId(),
    title: wanted.title ?? deriveTitle(wanted.description),
    description: wanted.description,
    status: wanted.run ? "queued" : "draft",
    priority: wanted.priority,
    vmSize: wanted.vmSize ?? null,
    agent: wanted.agent ?? null,
    model: wanted.model ?? null,
    permissionMode: wanted.permissionMode ?? null,
    dependsOn: [...new Set(wanted.dependsOn ?? [])],
    baseBranch: wanted.baseBranch ?? null,
    budget: wanted.budget ?? null,
    runId: wanted.run ? ids.make("run") : null,
    nodeId: null,
    workspaceId: null,
    branch: null,
    output: null,
    failure: null,
    cancelRequested: false,
    acknowledged: false,
    attempt: wanted.run ? 1 : 0,
    version: 1,
    createdAt: now,
    updatedAt: now,
    startedAt: null,
    endedAt: null,
  };
}

/** The first line of the description, cut at a word boundary. */
function deriveTitle(description: string): string {
  const line = description.split("\n", 1)[0]?.trim() ?? "";
  const plain = line.replace(/^[#>*\-\s`]+/, "") || "Task";
  if (plain.length <= 80) return plain.slice(0, LIMITS.taskTitleMaxChars);
  const cut = plain.slice(0, 80);
  const word = cut.lastIndexOf(" ");
  return `${word > 40 ? cut.slice(0, word) : cut}…`;
}

/** Of several concurrent requests with one key, one creates the task; the others get the same task. */
async function insertOnce(deps: Deps, caller: Caller, task: TaskRecord, intent: Intent | null): Promise<TaskRecord> {
  const actor: TaskActor = { kind: "user", id: caller.id };
  const created: TaskEventDraft = { kind: "task.created", data: { run: task.runId !== null } };
  const queued: TaskEventDraft = { kind: "status.changed", data: { from: "draft", to: "queued", reason: null } };
  const key = intent === null ? null : toKeyRow(caller.id, intent, task.id, task.createdAt);
  try {
    const events = await insertTask(deps.db, task, task.runId === null ? [created] : [created, queued], actor, key);
    await publishTask(deps, task, events);
    return task;
  } catch (error) {
    const existing = intent === null ? await findTask(deps.db, task.id) : await findEarlierTask(deps, caller, intent);
    if (existing === null) throw error;
    return existing;
  }
}

async function findEarlierTask({ db }: Deps, caller: Caller, intent: Intent): Promise<TaskRecord | null> {
  const id = await findCreated(db, caller.id, intent);
  return id === null ? null : findTask(db, taskId.parse(id));
}
