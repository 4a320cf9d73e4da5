import { env } from "cloudflare:test";
import type { UserId } from "@samovar/base";
import { createTask } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { callerOf } from "../../test/caller.ts";
import { aHolder, anOwner } from "../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { requireProject } from "../projects/store.ts";
import {
  db,
  deps,
  aSessionEnd,
  ScriptedNode,
  now,
  reaches,
  toSession,
  getTaskIds,
  submit,
  readTranscript,
  getWorkspace,
} from "./workflow/scripted-node.testing.ts";
import { createNewTask } from "./create.ts";
import { repairOrphanRuns } from "./orphans.ts";
import { findTask } from "./store.ts";

beforeEach(() => {
  scriptedCloud();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const later = () => Date.now() + 10 * 60_000;

/** As after a crash between the row and the workflow. */
async function submitWithoutRun(ownerId: UserId): Promise<TaskRecord> {
  const cutOff = new Proxy(env.TASK_RUN, {
    get: (real, name) =>
      name === "createBatch" ? () => Promise.reject(new Error("cut off")) : Reflect.get(real, name),
  });
  const broken = { ...env, TASK_RUN: cutOff };
  const { projectId } = await aHolder(ownerId);
  const project = await requireProject(db, ownerId, projectId);
  const caller = callerOf(ownerId);
  const wanted = createTask.parse({ description: "Do it", run: true, vmSize: "small" });
  await expect(createNewTask({ ...deps, env: broken }, caller, project, wanted, null)).rejects.toThrow("cut off");
  const row = await env.DB.prepare("SELECT id FROM tasks WHERE project_id = ?")
    .bind(projectId)
    .first<{ id: TaskRecord["id"] }>();
  const task = row === null ? null : await findTask(db, row.id);
  if (task === null) throw new Error("the row is there before the run");
  return task;
}

describe("the sweep's repair of runs", () => {
  it("creates a workflow that was never created", async () => {
    const ownerId = await anOwner();
    const task = await submitWithoutRun(ownerId);
    expect(await repairOrphanRuns(env, Date.now())).toMatchObject({ acted: 0 });
    await repairOrphanRuns(env, later());
    const machine = await ScriptedNode.of(ownerId);
    const { workspaceId } = await machine.begins();
    machine.report({ kind: "session.ended", workspaceId, sessionId: task.sessionId, end: await aSessionEnd(task) });
    await machine.destroys();
    await reaches(task, "completed");
  });

  it("[T1] ends a task whose workflow is finished, and gives its slot back", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    await machine.begins();
    await reaches(task, "in_progress");
    await (await env.TASK_RUN.get(task.runId ?? "")).terminate();
    await repairOrphanRuns(env, later());
    expect(await now(task)).toMatchObject({ status: "failed", failure: { code: "run_lost" } });
    expect(await getWorkspace(task)).toMatchObject({ state: "failed" });
    expect(await getTaskIds(machine)).toEqual([]);
    await machine.expects("workspace.destroy");
    expect(await toSession(task)).toMatchObject({ status: "error" });
    expect((await readTranscript(task)).at(-1)).toMatch(/^The run of this task was lost\./);
    await repairOrphanRuns(env, later());
    expect(await readTranscript(task)).toHaveLength(2);
  });

  it("[F11] signals a live run seconds after its last change, since it may have been interrupted between two steps", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    await (await ScriptedNode.of(ownerId)).begins();
    await reaches(task, "in_progress");
    const asked: string[] = [];
    const listening = new Proxy(env.TASK_RUN, {
      get: (real, name) => {
        if (name !== "get") return Reflect.get(real, name);
        return async (id: string) => {
          const run = await real.get(id);
          return { status: () => run.status(), sendEvent: async () => void asked.push(id) };
        };
      },
    });
    const { updatedAt } = await now(task);
    await repairOrphanRuns({ ...env, TASK_RUN: listening }, updatedAt + 1_000);
    expect(asked).not.toContain(task.runId);
    await repairOrphanRuns({ ...env, TASK_RUN: listening }, updatedAt + 3_000);
    expect(asked).toContain(task.runId);
  });

  it("leaves a working run alone", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    await machine.begins();
    await reaches(task, "in_progress");
    await repairOrphanRuns(env, later());
    expect(await now(task)).toMatchObject({ status: "in_progress" });
  });
});
