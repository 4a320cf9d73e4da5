import { env, introspectWorkflow } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { anOwner } from "../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import {
  aSessionEnd,
  ScriptedNode,
  reaches,
  toSession,
  getTaskIds,
  soon,
  submit,
  getWorkspace,
} from "../tasks/workflow/scripted-node.testing.ts";
import { sweepAbandonedWorkspaces } from "./abandoned-workspaces.ts";
import { runSweep } from "./sweep.ts";

beforeEach(() => {
  scriptedCloud();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const sweep = (afterMs: number) => runSweep(env, Date.now() + afterMs, { left: sweepAbandonedWorkspaces });

it("[N1] a workspace that its run could not clean up is removed some time after its task has ended", async () => {
  const ownerId = await anOwner();
  await using runs = await introspectWorkflow(env.TASK_RUN);
  await runs.modifyAll(async (run) => {
    await run.disableRetryDelays();
    await run.mockStepError({ name: "end: retain" }, new Error("the disk sang"));
  });
  const task = await submit(ownerId);
  const machine = await ScriptedNode.of(ownerId);
  const begun = await machine.begins();
  await reaches(task, "in_progress");
  await sweep(60 * 60_000);
  expect(await getWorkspace(task), "one that is worked in stays").toMatchObject({ state: "busy" });
  machine.report({ kind: "session.ended", ...begun, end: await aSessionEnd(task, { outcome: "crashed" }) });
  await reaches(task, "failed");
  await vi.waitFor(async () => expect((await toSession(task))?.endedAt).not.toBeNull(), soon);
  await sweep(60_000);
  expect(await getWorkspace(task), "its run may still be at it").toMatchObject({ state: "busy" });
  expect(await sweep(60 * 60_000)).toMatchObject([{ ok: true, found: 1, acted: 1 }]);
  await machine.destroys();
  await vi.waitFor(async () => expect(await getTaskIds(machine)).toEqual([]), soon);
  await vi.waitFor(async () => expect(await getWorkspace(task)).toMatchObject({ state: "destroyed" }), soon);
  expect(await sweep(60 * 60_000)).toMatchObject([{ ok: true, found: 0 }]);
});
