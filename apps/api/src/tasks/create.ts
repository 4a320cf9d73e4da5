/** Makes a task, once for each Idempotency-Key, and runs it if that was asked. */
import { LIMITS, SamovarError, taskId } from "@samovar/contracts";
import type { createTask } from "@samovar/contracts";
import type { TaskActor, TaskEventDraft, TaskRecord } from "@samovar/domain/task-status";
import type * as z from "zod";
import type { Deps } from "../deps.ts";
import type { Caller } from "../http/context.ts";
import type { Intent } from "../idempotency.ts";
import { intentOf, keyRow, madeBefore } from "../idempotency.ts";
import type { ProjectRow } from "../projects/store.ts";
import { assertAgentKnown, assertRunnable } from "../agents/preconditions.ts";
import { assertDependencies } from "./dependencies.ts";
import { ensureRun, ensureSession } from "./launch.ts";
import { publishTask } from "./publish.ts";
import { findTask, insertTask } from "./store.ts";

type Wanted = z.output<typeof createTask>;

/** The task as it is now: with a key that was used before, the one that was made then. */
export async function createNewTask(
  deps: Deps,
  caller: Caller,
  project: ProjectRow,
  wanted: Wanted,
  idempotencyKey: string | null,
): Promise<TaskRecord> {
  const intent = await intentOf(idempotencyKey, "POST tasks", project.id, wanted);
  const earlier = intent === null ? null : await earlierTask(deps, caller, intent);
  if (earlier !== null) return launch(deps, earlier);
  assertOpen(project);
  if (wanted.run) await assertRunnable(deps.db, caller.id, agentOf(deps, project, wanted));
  else await assertAgentKnown(deps.db, caller.id, wanted.agent);
  await assertDependencies(deps.db, project.id, null, wanted.dependsOn ?? []);
  return launch(deps, await insertOnce(deps, caller, draftOf(deps, project, wanted), intent));
}

/** The agent that a task gets: its own, its project's, or the installation's. */
export function agentOf(
  { config }: Pick<Deps, "config">,
  project: Pick<ProjectRow, "defaultAgent">,
  task: { readonly agent?: TaskRecord["agent"] | undefined },
) {
  return task.agent ?? project.defaultAgent ?? config.DEFAULT_AGENT;
}

/** Throws `conflict` for an archived project. */
export function assertOpen(project: ProjectRow): void {
  if (project.archivedAt === null) return;
  throw new SamovarError("conflict", "This project is archived. Bring it back before you give it tasks.");
}

async function launch(deps: Deps, task: TaskRecord): Promise<TaskRecord> {
  await ensureSession(deps, task);
  if (task.status === "queued" && task.runId !== null) await ensureRun(deps, task, task.runId);
  return task;
}

function draftOf({ clock, ids }: Deps, project: ProjectRow, wanted: Wanted): TaskRecord {
  const now = clock.now();
  return {
    id: ids.make("tsk"),
    projectId: project.id,
    sessionId: ids.make("ses"),
    promptMessageId: ids.messageId(),
    title: wanted.title ?? titleOf(wanted.description),
    description: wanted.description,
    status: wanted.run ? "queued" : "draft",
    priority: wanted.priority,
    vmSize: wanted.vmSize ?? null,
    agent: wanted.agent ?? null,
    model: wanted.model ?? null,
    permissionMode: wanted.permissionMode ?? null,
    dependsOn: [...new Set(wanted.dependsOn ?? [])],
    baseBranch: wanted.baseBranch ?? null,
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

/** The first line of the text, cut at a word. */
function titleOf(description: string): string {
  const line = description.split("\n", 1)[0]?.trim() ?? "";
  const plain = line.replace(/^[#>*\-\s`]+/, "") || "Task";
  if (plain.length <= 80) return plain.slice(0, LIMITS.taskTitleMaxChars);
  const cut = plain.slice(0, 80);
  const word = cut.lastIndexOf(" ");
  return `${word > 40 ? cut.slice(0, word) : cut}…`;
}

/** Of many who come with one key at once, one makes the task; the others are given it. */
async function insertOnce(deps: Deps, caller: Caller, task: TaskRecord, intent: Intent | null): Promise<TaskRecord> {
  const actor: TaskActor = { kind: "user", id: caller.id };
  const created: TaskEventDraft = { kind: "task.created", data: { run: task.runId !== null } };
  const queued: TaskEventDraft = { kind: "status.changed", data: { from: "draft", to: "queued", reason: null } };
  const key = intent === null ? null : keyRow(caller.id, intent, task.id, task.createdAt);
  try {
    const events = await insertTask(deps.db, task, task.runId === null ? [created] : [created, queued], actor, key);
    await publishTask(deps, task, events);
    return task;
  } catch (error) {
    const made = intent === null ? await findTask(deps.db, task.id) : await earlierTask(deps, caller, intent);
    if (made === null) throw error;
    return made;
  }
}

async function earlierTask({ db }: Deps, caller: Caller, intent: Intent): Promise<TaskRecord | null> {
  const id = await madeBefore(db, caller.id, intent);
  return id === null ? null : findTask(db, taskId.parse(id));
}
