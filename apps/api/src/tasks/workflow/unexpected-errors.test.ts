/** A step that fails however often it is tried: the run ends anyway, and says why. */
import { isTerminal } from "@samovar/domain/task-status";
import { env, introspectWorkflow } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { anOwner } from "../../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import {
  aSessionEnd,
  listTaskEvents,
  getRetainedTaskIds,
  ScriptedNode,
  reaches,
  toSession,
  soon,
  submit,
  getWorkspace,
} from "./scripted-node.testing.ts";

beforeEach(() => {
  scriptedCloud();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

async function brokenAt<T>(step: string, body: () => Promise<T>): Promise<T> {
  await using runs = await introspectWorkflow(env.TASK_RUN);
  await runs.modifyAll(async (run) => {
    await run.disableRetryDelays();
    await run.mockStepError({ name: step }, new Error("the disk sang"));
  });
  return await body();
}

const sang = { code: "internal", message: expect.stringContaining("the disk sang") };
const isSingle = async (task: Parameters<typeof listTaskEvents>[0]) => {
  const moves = (await listTaskEvents(task)).filter((event) => event.kind === "status.changed");
  const ends = moves.filter(({ data }) => isTerminal(String(data["to"])));
  expect(ends).toHaveLength(1);
};

describe("[T1] a step that always fails", () => {
  it.each(["open", "choose: poll 1.1"])(
    "%s: nothing was created, the task has failed and its session says so",
    (step) =>
      brokenAt(step, async () => {
        const task = await submit(await anOwner());
        expect(await reaches(task, "failed")).toMatchObject({ failure: sang });
        await vi.waitFor(async () => expect(await toSession(task)).toMatchObject({ status: "error" }), soon);
        await isSingle(task);
      }),
  );

  it.each(["start: request", "start: in progress", "work: poll 1", "finish: verify 1"])(
    "%s: the agent may have worked, so its workspace is kept",
    (step) =>
      brokenAt(step, async () => {
        const ownerId = await anOwner();
        const task = await submit(ownerId);
        const machine = await ScriptedNode.of(ownerId);
        const create = await machine.expects("workspace.create");
        const { workspaceId } = create.args;
        machine.report({ kind: "workspace.ready", workspaceId, branch: "task/x", baseCommit: "abc" });
        if (step !== "start: request") {
          await machine.expects("session.start");
          machine.report({ kind: "session.started", workspaceId, sessionId: task.sessionId, capabilities: null });
        }
        if (step === "work: poll 1" || step === "finish: verify 1")
          machine.report({
            kind: "session.ended",
            workspaceId,
            sessionId: task.sessionId,
            end: await aSessionEnd(task),
          });
        expect(await reaches(task, "failed")).toMatchObject({ failure: sang });
        expect(await getWorkspace(task)).toMatchObject({ state: "retained", failure: sang });
        expect(await getRetainedTaskIds(machine)).toEqual([task.id]);
        if (step === "start: in progress") await machine.expects("session.cancel");
        await vi.waitFor(async () => expect(await toSession(task)).toMatchObject({ status: "error" }), soon);
        await isSingle(task);
      }),
  );

  it.each(["end: remove", "end: removal: poll 1", "end: release", "end: session"])(
    "%s: what is done is done, and the task is completed",
    (step) =>
      brokenAt(step, async () => {
        const ownerId = await anOwner();
        const task = await submit(ownerId);
        const machine = await ScriptedNode.of(ownerId);
        const begun = await machine.begins();
        machine.report({ kind: "session.ended", ...begun, end: await aSessionEnd(task) });
        if (step !== "end: remove") await machine.destroys();
        const done = await reaches(task, "completed");
        expect(done.output).toMatchObject({ branch: "task/x", stopReason: "end_turn", restarts: 0, bundle: null });
        await isSingle(task);
      }),
  );

  it.each(["end: retain", "end: notice"])("%s: a failed task keeps its reason", (step) =>
    brokenAt(step, async () => {
      const ownerId = await anOwner();
      const task = await submit(ownerId);
      const machine = await ScriptedNode.of(ownerId);
      const begun = await machine.begins();
      const failure = { code: "agent_crashed", message: "The agent's process died." };
      machine.report({
        kind: "session.ended",
        ...begun,
        end: await aSessionEnd(task, { outcome: "crashed", failure }),
      });
      expect(await reaches(task, "failed")).toMatchObject({ failure });
      await vi.waitFor(async () => expect(await toSession(task)).toMatchObject({ status: "error" }), soon);
      await isSingle(task);
    }),
  );
});
