import { env } from "cloudflare:test";
import type { RunId } from "@samovar/base";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { ids } from "../../test/caller.ts";
import { finishedRuns } from "../database/schema.ts";
import { anOwner } from "../nodes/durable-object/node.fixture.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { db, deps, aSessionEnd, ScriptedNode, now, reaches, soon, submit } from "./workflow/scripted-node.fixture.ts";
import { deleteFinishedRuns, recordFinishedRun } from "./finished-runs.ts";
import { readRunStatus } from "./launch.ts";

beforeEach(() => {
  scriptedCloud();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const noted = async (runId: RunId) =>
  (await db.select().from(finishedRuns).where(eq(finishedRuns.runId, runId))).length;
const later = () => Date.now() + 60_000;

async function aFinishedRun() {
  const ownerId = await anOwner();
  const task = await submit(ownerId);
  const machine = await ScriptedNode.of(ownerId);
  const begun = await machine.begins();
  machine.report({ kind: "session.ended", ...begun, end: await aSessionEnd(task) });
  await machine.destroys();
  const { runId } = await reaches(task, "completed");
  if (runId === null) throw new Error("a run without an id");
  await vi.waitFor(async () => expect(await noted(runId)).toBe(1), soon);
  return { task, runId };
}

it("[T1] the workflow of a finished run is deleted after a while, and its task stays unchanged", async () => {
  const { task, runId } = await aFinishedRun();
  await deleteFinishedRuns(deps, Date.now(), 10);
  expect(await readRunStatus(env, runId)).toBe("complete");

  const before = await now(task);
  await deleteFinishedRuns(deps, later(), 10);
  expect(await noted(runId)).toBe(0);
  expect(await readRunStatus(env, runId)).toBeNull();
  expect(await now(task)).toEqual(before);
});

it("a workflow that is already gone is dropped; one that cannot be deleted is retried and does not stop the others", async () => {
  const { runId } = await aFinishedRun();
  const gone = ids.make("run");
  await recordFinishedRun(deps, gone, 0);
  await recordFinishedRun(deps, gone, 1);
  const stubborn = new Proxy(env.TASK_RUN, {
    get: (real, name) =>
      name === "get"
        ? async (id: string) => (id === gone ? Promise.reject(new Error("the platform is busy")) : real.get(id))
        : Reflect.get(real, name),
  });
  const busy = { db, env: { ...env, TASK_RUN: stubborn } };
  await expect(deleteFinishedRuns(busy, later(), 10)).rejects.toThrow(/busy/);
  expect([await noted(runId), await noted(gone)]).toEqual([0, 1]);
  expect(await deleteFinishedRuns(deps, later() + 60_000, 10)).toMatchObject({ acted: 1 });
  expect(await noted(gone)).toBe(0);
});
