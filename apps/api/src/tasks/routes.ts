/** Routes for tasks: create, edit, run, cancel, retry, inspect. */
import { createRoute, z } from "@hono/zod-openapi";
import {
  createTask,
  page,
  pageQuery,
  patchTask,
  projectId,
  SamovarError,
  taskEvent,
  taskId,
  taskStatus,
  taskView as taskSchema,
  transcriptVerification,
} from "@samovar/contracts";
import type { TaskActor } from "@samovar/domain/task-status";
import type { Context } from "hono";
import { toActor } from "../audit/store.ts";
import { createRouter, requireUser } from "../http/context.ts";
import type { AppContext, Router } from "../http/context.ts";
import { idempotencyHeader, json, jsonBody } from "../http/route.ts";
import { requireProject } from "../projects/store.ts";
import { assertAgentKnown } from "../agents/preconditions.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";
import { createNewTask } from "./create.ts";
import { cancelTask, editTask, retryTask, runTask, acknowledgeTask } from "./run.ts";
import { listDependents } from "./dependencies.ts";
import { deleteDraft, listEvents, listTasks, requireTask } from "./store.ts";
import { verifyTranscript } from "./verification.ts";
import { viewTask, viewTasks } from "./view.ts";

const inProject = z.object({ projectId });
const taskParams = z.object({ projectId, taskId });
const oneTask = "/api/projects/{projectId}/tasks/{taskId}";

/** `?status=queued,in_progress`, or repeated. */
const statuses = z
  .union([z.string(), z.array(z.string())])
  .optional()
  .transform((given) => [given ?? []].flat().flatMap((text) => text.split(",")))
  .pipe(z.array(taskStatus).max(20));

const list = createRoute({
  method: "get",
  path: "/api/projects/{projectId}/tasks",
  summary: "Lists tasks, newest first.",
  request: { params: inProject, query: pageQuery.extend({ status: statuses }) },
  responses: { 200: json(page(taskSchema), "A page of tasks") },
});

const create = createRoute({
  method: "post",
  path: "/api/projects/{projectId}/tasks",
  summary: "Creates a task, and runs it if requested.",
  request: {
    params: inProject,
    headers: idempotencyHeader,
    body: jsonBody(createTask),
  },
  responses: { 201: json(taskSchema, "A draft"), 202: json(taskSchema, "A running task") },
});

const get = createRoute({
  method: "get",
  path: oneTask,
  summary: "Shows a task.",
  request: { params: taskParams },
  responses: { 200: json(taskSchema, "The task") },
});

const patch = createRoute({
  method: "patch",
  path: oneTask,
  summary: "Edits a task that has not run yet. For a queued task: its priority, and fewer dependencies.",
  request: { params: taskParams, body: jsonBody(patchTask) },
  responses: { 200: json(taskSchema, "The task") },
});

const drop = createRoute({
  method: "delete",
  path: oneTask,
  summary: "Deletes a task that has never run.",
  request: { params: taskParams },
  responses: { 204: { description: "Deleted" } },
});

const run = createRoute({
  method: "post",
  path: "/api/projects/{projectId}/tasks/{taskId}/run",
  summary: "Runs a draft.",
  request: { params: taskParams, headers: idempotencyHeader },
  responses: { 202: json(taskSchema, "The queued task") },
});

const cancel = createRoute({
  method: "post",
  path: "/api/projects/{projectId}/tasks/{taskId}/cancel",
  summary: "Requests that a task stop.",
  request: { params: taskParams },
  responses: { 202: json(taskSchema, "The task; it ends when its agent has stopped") },
});

const retry = createRoute({
  method: "post",
  path: "/api/projects/{projectId}/tasks/{taskId}/retry",
  summary: "Retries a failed or cancelled task, in a new session.",
  request: { params: taskParams, headers: idempotencyHeader },
  responses: { 202: json(taskSchema, "The queued task") },
});

const acknowledge = createRoute({
  method: "post",
  path: "/api/projects/{projectId}/tasks/{taskId}/acknowledge",
  summary: "Acknowledges a failed task: it needs no more attention.",
  request: { params: taskParams },
  responses: { 200: json(taskSchema, "The task, no longer counted as needing attention") },
});

const unacknowledge = createRoute({
  method: "post",
  path: "/api/projects/{projectId}/tasks/{taskId}/unacknowledge",
  summary: "Undoes the acknowledgement of a failed task.",
  request: { params: taskParams },
  responses: { 200: json(taskSchema, "The task") },
});

const events = createRoute({
  method: "get",
  path: "/api/projects/{projectId}/tasks/{taskId}/events",
  summary: "Lists a task's events, oldest first.",
  request: { params: taskParams, query: pageQuery },
  responses: { 200: json(page(taskEvent), "A page of events") },
});

const verification = createRoute({
  method: "get",
  path: "/api/projects/{projectId}/tasks/{taskId}/verification",
  summary: "Compares the stored transcript with the digest that the node reported.",
  request: { params: taskParams },
  responses: { 200: json(transcriptVerification, "Both digests, and whether they agree") },
});

export function taskRoutes(): Router {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const deps = c.get("deps");
    const project = await requireProject(deps.db, requireUser(c).id, c.req.valid("param").projectId);
    const found = await listTasks(deps.db, project.id, c.req.valid("query"));
    return c.json({ items: await viewTasks(deps, found.items), nextCursor: found.nextCursor }, 200);
  });

  router.openapi(create, async (c) => {
    const deps = c.get("deps");
    const caller = requireUser(c);
    const project = await requireProject(deps.db, caller.id, c.req.valid("param").projectId);
    const key = c.req.valid("header")["idempotency-key"] ?? null;
    const wanted = c.req.valid("json");
    const task = await createNewTask(deps, caller, project, wanted, key);
    const view = await viewTask(deps, task);
    return wanted.run ? c.json(view, 202) : c.json(view, 201);
  });

  router.openapi(get, async (c) => {
    const { task, deps } = await requireOwnTask(c, c.req.valid("param"));
    return c.json(await viewTask(deps, task), 200);
  });

  router.openapi(patch, async (c) => {
    const { task, deps, actor, caller } = await requireOwnTask(c, c.req.valid("param"));
    const { status, ...fields } = c.req.valid("json");
    await assertAgentKnown(deps.db, caller.id, fields.agent);
    return c.json(await viewTask(deps, await editTask(deps, task.id, fields, status, actor)), 200);
  });

  router.openapi(drop, async (c) => {
    const { task, deps, caller } = await requireOwnTask(c, c.req.valid("param"));
    if (!(await deleteDraft(deps, toActor(caller), task))) {
      const dependents = await listDependents(deps.db, task.projectId, task.id);
      if (dependents.length > 0) throw refuseDeletion(dependents);
      throw new SamovarError("conflict", "Only a task that has never run can be deleted.", { status: task.status });
    }
    await getProjectData(deps, task.projectId).endSession(task.sessionId, "stopped");
    return c.body(null, 204);
  });

  router.openapi(run, async (c) => {
    const { task, deps, project, caller } = await requireOwnTask(c, c.req.valid("param"));
    const key = c.req.valid("header")["idempotency-key"] ?? null;
    return c.json(await viewTask(deps, await runTask(deps, caller, project, task, key)), 202);
  });

  router.openapi(cancel, async (c) => {
    const { task, deps, actor } = await requireOwnTask(c, c.req.valid("param"));
    return c.json(await viewTask(deps, await cancelTask(deps, task.id, actor)), 202);
  });

  router.openapi(retry, async (c) => {
    const { task, deps, project, caller } = await requireOwnTask(c, c.req.valid("param"));
    const key = c.req.valid("header")["idempotency-key"] ?? null;
    return c.json(await viewTask(deps, await retryTask(deps, caller, project, task, key)), 202);
  });

  router.openapi(acknowledge, async (c) => {
    const { task, deps, actor } = await requireOwnTask(c, c.req.valid("param"));
    return c.json(await viewTask(deps, await acknowledgeTask(deps, task.id, true, actor)), 200);
  });

  router.openapi(unacknowledge, async (c) => {
    const { task, deps, actor } = await requireOwnTask(c, c.req.valid("param"));
    return c.json(await viewTask(deps, await acknowledgeTask(deps, task.id, false, actor)), 200);
  });

  router.openapi(events, async (c) => {
    const { task, deps } = await requireOwnTask(c, c.req.valid("param"));
    const { items, nextCursor } = await listEvents(deps.db, task.id, c.req.valid("query"));
    return c.json({ items: [...items], nextCursor }, 200);
  });

  router.openapi(verification, async (c) => {
    const { task, deps } = await requireOwnTask(c, c.req.valid("param"));
    return c.json(await verifyTranscript(deps, task), 200);
  });

  return router;
}

function refuseDeletion(titles: readonly string[]): SamovarError {
  const names = titles.map((title) => `“${title}”`).join(", ");
  return new SamovarError(
    "conflict",
    `Other tasks depend on this one: ${names}. Remove it from their dependencies first.`,
    { titles },
  );
}

/** The caller's task at this address. Throws `not_found`. */
async function requireOwnTask(c: Context<AppContext>, address: z.output<typeof taskParams>) {
  const deps = c.get("deps");
  const caller = requireUser(c);
  const project = await requireProject(deps.db, caller.id, address.projectId);
  const task = await requireTask(deps.db, project.id, address.taskId);
  const actor: TaskActor = { kind: "user", id: caller.id };
  return { deps, caller, project, task, actor };
}
