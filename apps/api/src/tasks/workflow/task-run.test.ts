import { env, introspectWorkflow, introspectWorkflowInstance } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ids } from "../../../test/caller.ts";
import { getNodeObject } from "../../nodes/durable-object/stub.ts";
import { aBusyNode, anOwner } from "../../nodes/durable-object/node.fixture.ts";
import { scriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import type { ScriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import { cancelTask } from "../run.ts";
import {
  deps,
  aSessionEnd,
  listTaskEvents,
  ScriptedNode,
  now,
  digestMessage,
  reaches,
  says,
  toSession,
  getRetainedTaskIds,
  getTaskIds,
  soon,
  submit,
  readTranscript,
  getWorkspace,
} from "./scripted-node.fixture.ts";

let cloud: ScriptedCloud;

beforeEach(() => {
  cloud = scriptedCloud();
});
afterEach(() => vi.unstubAllGlobals());

describe("a run from text to pushed branch", () => {
  it("creates a node, a workspace and a session, verifies the transcript, and leaves nothing behind", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId, "Fix the test\n\n```sh\nnpm test\n```");
    const machine = await ScriptedNode.of(ownerId);
    const { create, start, workspaceId } = await machine.begins("task/x");
    expect(create).toMatchObject({
      branch: `task/${task.id}`,
      taskId: task.id,
      repoUrl: "https://git.test/p.git",
      baseBranch: null,
    });
    expect(start).toMatchObject({
      agent: { kind: "script" },
      prompt: { messageId: task.promptMessageId, text: task.description },
      finish: { commit: true, push: true },
    });
    const working = await reaches(task, "in_progress");
    expect(working).toMatchObject({ nodeId: machine.nodeId, workspaceId, branch: "task/x" });
    expect(await getWorkspace(task)).toMatchObject({ state: "busy", branch: "task/x" });

    await says(task, machine, workspaceId, "The test is fixed.");
    machine.report({ kind: "session.ended", workspaceId, sessionId: task.sessionId, end: await aSessionEnd(task) });
    await machine.destroys();

    const done = await reaches(task, "completed");
    expect(done.output).toMatchObject({
      branch: "task/x",
      commits: [{ sha: "abc" }],
      warning: null,
      transcript: { agreed: true, claimed: { count: 1 }, stored: { count: 1 } },
      stopReason: "end_turn",
      restarts: 0,
      bundle: null,
    });
    expect(Object.keys(done.output?.durations ?? {})).toEqual(["choose", "prepare", "start", "work", "finish"]);
    const passed = (done.endedAt ?? 0) - task.createdAt;
    const steps = Object.values(done.output?.durations ?? {});
    expect(steps.reduce((sum, ms) => sum + ms, 0)).toBeLessThanOrEqual(passed);
    await vi.waitFor(async () => expect(await toSession(task)).toMatchObject({ status: "stopped" }), soon);
    expect(await getWorkspace(task)).toMatchObject({ state: "destroyed" });
    expect(await getTaskIds(machine)).toEqual([]);
    expect(await readTranscript(task)).toEqual([task.description, "The test is fixed."]);

    const events = await listTaskEvents(task);
    const listed = events
      .filter((event) => event.kind.startsWith("step."))
      .map((event) => `${event.kind} ${String(event.data["step"])}`);
    expect(listed).toEqual(
      ["choose", "prepare", "start", "work", "finish"].flatMap((step) => [
        `step.started ${step}`,
        `step.finished ${step}`,
      ]),
    );
    expect(events.filter((event) => event.kind === "status.changed").map((event) => event.data["to"])).toEqual([
      "queued",
      "delegated",
      "in_progress",
      "completed",
    ]);
    expect(events.find((event) => event.kind === "node.chosen")?.data).toEqual({ nodeId: machine.nodeId, how: "new" });
  });

  it("shows once, while it lasts, that the start is delayed on a busy node", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const { workspaceId } = (await machine.expects("workspace.create")).args;
    machine.report({ kind: "workspace.ready", workspaceId, branch: "task/x", baseCommit: "abc" });
    const { sessionId } = (await machine.expects("session.start")).args;
    machine.report({ kind: "session.start_delayed", workspaceId, sessionId });
    const warnings = async () => (await listTaskEvents(task)).filter(({ kind }) => kind === "warning.raised");
    const shown = { code: "start_delayed", step: "start", runId: task.runId, message: expect.stringMatching(/busy/) };
    await vi.waitFor(async () => expect(await warnings()).toMatchObject([{ data: shown }]), soon);
    expect(await now(task)).toMatchObject({ status: "delegated" });
    machine.report({ kind: "session.started", workspaceId, sessionId, capabilities: null });
    await reaches(task, "in_progress");
    machine.report({ kind: "session.ended", workspaceId, sessionId, end: await aSessionEnd(task) });
    await machine.destroys();
    expect((await reaches(task, "completed")).output?.warning).toBeNull();
    expect(await warnings()).toHaveLength(1);
  });

  it("a second task runs on the same node", async () => {
    const ownerId = await anOwner();
    const first = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const one = await machine.begins();
    machine.report({ kind: "session.ended", ...one, end: await aSessionEnd(first) });
    await machine.destroys();
    await reaches(first, "completed");
    const second = await submit(ownerId);
    const two = await machine.begins();
    expect(two.workspaceId).not.toBe(one.workspaceId);
    machine.report({ kind: "session.ended", ...two, end: await aSessionEnd(second) });
    await machine.destroys();
    expect(await reaches(second, "completed")).toMatchObject({ nodeId: machine.nodeId });
    expect(cloud.calls.filter((call) => call === "POST /servers")).toHaveLength(1);
  });
});

describe("an agent that does not end clean", () => {
  it("[F39] fails the task with its reason; the workspace is retained, and the transcript says so", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const { workspaceId } = await machine.begins();
    const failure = { code: "agent_crashed", message: "The agent's process died." };
    const end = await aSessionEnd(task, { outcome: "crashed", failure, pushed: false, commits: [], branch: null });
    machine.report({ kind: "session.ended", workspaceId, sessionId: task.sessionId, end });
    const failed = await reaches(task, "failed");
    expect(failed).toMatchObject({ failure, endedAt: expect.any(Number) });
    expect(failed.output?.durations).toMatchObject({ prepare: expect.any(Number), work: expect.any(Number) });
    expect(await getWorkspace(task)).toMatchObject({ state: "retained", retainedUntil: expect.any(Number), failure });
    await vi.waitFor(async () => expect(await getRetainedTaskIds(machine)).toEqual([task.id]), soon);
    expect(await getTaskIds(machine)).toEqual([]);
    expect((await readTranscript(task)).at(-1)).toMatch(/The agent's process died\. The workspace is kept until/);
    await vi.waitFor(async () => expect(await toSession(task)).toMatchObject({ status: "error" }), soon);
  });

  it("[F41] a refused push completes with a warning, and the work is kept", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const { workspaceId } = await machine.begins();
    const end = await aSessionEnd(task, { pushed: false, pushError: "protected branch" });
    machine.report({ kind: "session.ended", workspaceId, sessionId: task.sessionId, end });
    const done = await reaches(task, "completed");
    expect(done.output?.warning).toContain("protected branch");
    expect(await getWorkspace(task)).toMatchObject({ state: "retained" });
    expect((await listTaskEvents(task)).map((event) => event.kind)).toContain("warning.raised");
  });

  it("[R55] a run waits for a transcript that is still being delivered, without a warning", async () => {
    const ownerId = await anOwner();
    await using runs = await introspectWorkflow(env.TASK_RUN);
    await runs.modifyAll((run) => run.disableSleeps());
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const { workspaceId } = await machine.begins();
    const messageId = ids.messageId();
    const end = await aSessionEnd(task, { digest: digestMessage(messageId, "The last words."), drained: false });
    const run = await introspectWorkflowInstance(env.TASK_RUN, task.runId ?? "");
    machine.report({ kind: "session.ended", workspaceId, sessionId: task.sessionId, end });
    await run.waitForStepResult({ name: "finish: verify 1" });
    await says(task, machine, workspaceId, "The last words.", messageId);
    expect((await reaches(task, "completed")).output).toMatchObject({ transcript: { agreed: true }, warning: null });
    expect(await getWorkspace(task)).not.toMatchObject({ state: "retained" });
  });

  it("[F32] a transcript that never agrees is verified again, then becomes a warning", async () => {
    const ownerId = await anOwner();
    await using runs = await introspectWorkflow(env.TASK_RUN);
    await runs.modifyAll((run) => run.disableSleeps());
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const { workspaceId } = await machine.begins();
    const end = await aSessionEnd(task, { digest: { count: 9, digest: "other" }, drained: false });
    machine.report({ kind: "session.ended", workspaceId, sessionId: task.sessionId, end });
    const done = await reaches(task, "completed");
    expect(done.output).toMatchObject({
      transcript: { agreed: false },
      warning: expect.stringContaining("0 of 9 messages"),
    });
    expect(await getWorkspace(task)).toMatchObject({ state: "retained" });
  });
});

describe("a cancel", () => {
  it("while the agent works stops it and keeps what it did", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const { workspaceId } = await machine.begins();
    await reaches(task, "in_progress");
    await cancelTask(deps, task.id, { kind: "user", id: ownerId });
    expect((await machine.expects("session.cancel")).args).toMatchObject({ workspaceId, sessionId: task.sessionId });
    machine.report({
      kind: "session.ended",
      workspaceId,
      sessionId: task.sessionId,
      end: await aSessionEnd(task, { outcome: "cancelled", pushed: false }),
    });
    expect(await reaches(task, "cancelled")).toMatchObject({ failure: { code: "cancelled" } });
    expect(await getWorkspace(task)).toMatchObject({ state: "retained" });
    await vi.waitFor(async () => expect(await toSession(task)).toMatchObject({ status: "stopped" }), soon);
  });

  it("[T1] of an agent that does not answer ends the task anyway", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    await machine.begins();
    await reaches(task, "in_progress");
    await cancelTask(deps, task.id, { kind: "user", id: ownerId });
    await machine.expects("session.cancel");
    await reaches(task, "cancelled");
    expect(await getWorkspace(task)).toMatchObject({ state: "retained" });
  });

  it("[F46] that comes when the work is done changes nothing of it", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const { workspaceId } = await machine.begins();
    await reaches(task, "in_progress");
    machine.report({ kind: "session.ended", workspaceId, sessionId: task.sessionId, end: await aSessionEnd(task) });
    await machine.expects("workspace.destroy");
    await cancelTask(deps, task.id, { kind: "user", id: ownerId });
    machine.report({ kind: "workspace.destroyed", workspaceId });
    expect(await reaches(task, "completed")).toMatchObject({ cancelRequested: true });
  });

  it("before the workspace is ready removes it and gives the slot back", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    await machine.expects("workspace.create");
    await cancelTask(deps, task.id, { kind: "user", id: ownerId });
    await machine.destroys();
    await reaches(task, "cancelled");
    expect(await getWorkspace(task)).toMatchObject({ state: "destroyed" });
    expect(await getTaskIds(machine)).toEqual([]);
  });

  it("while no slot is available: the task was queued, and nothing was created for it", async () => {
    const ownerId = await anOwner();
    for (let i = 0; i < deps.config.MAX_NODES_PER_USER; i++) await aBusyNode(ownerId);
    const task = await submit(ownerId);
    const run = await introspectWorkflowInstance(env.TASK_RUN, task.runId ?? "");
    expect(await run.waitForStepResult({ name: "choose: poll 1.1" })).toContain("capacity");
    expect((await now(task)).status).toBe("queued");
    await cancelTask(deps, task.id, { kind: "user", id: ownerId });
    await reaches(task, "cancelled");
    expect(await getWorkspace(task)).toBeNull();
    expect(cloud.calls).toEqual([]);
  });
});

describe("what can go wrong on the way", () => {
  it("a repository that cannot be cloned fails the task with the reason, and leaves nothing behind", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const { args } = await machine.expects("workspace.create");
    const failure = { code: "clone_failed", message: "There is no repository at this address." };
    machine.report({ kind: "workspace.failed", workspaceId: args.workspaceId, failure });
    expect(await reaches(task, "failed")).toMatchObject({ failure });
    await machine.expects("workspace.destroy");
    expect(await getTaskIds(machine)).toEqual([]);
    expect((await readTranscript(task)).at(-1)).toBe(failure.message);
  });

  it("[F21] a provider that refuses fails the task with its reason, and is not asked again", async () => {
    const ownerId = await anOwner();
    cloud.put("POST /servers", { status: 401, code: "unauthorized" }, { status: 401, code: "unauthorized" });
    const task = await submit(ownerId);
    const failed = await reaches(task, "failed");
    expect(failed.failure?.code).not.toMatch(/^node_|internal/);
    expect(cloud.calls.filter((call) => call === "POST /servers")).toHaveLength(1);
  });

  it("[F30] a node that is destroyed while the agent works fails the task", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    await machine.begins();
    await reaches(task, "in_progress");
    await getNodeObject(env, machine.nodeId).destroy("the test wants it gone");
    expect(await reaches(task, "failed")).toMatchObject({ failure: { code: "node_destroyed" } });
    expect(await getWorkspace(task)).toMatchObject({ state: expect.stringMatching(/failed|destroyed/) });
  });

  it("[T1] an unexpected error ends the task, and gives the slot back", async () => {
    const ownerId = await anOwner();
    await using runs = await introspectWorkflow(env.TASK_RUN);
    await runs.modifyAll(async (run) => {
      await run.disableRetryDelays();
      await run.mockStepError({ name: "prepare: request" }, new Error("the disk sang"));
    });
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    await machine.destroys();
    expect(await reaches(task, "failed")).toMatchObject({
      failure: { code: "internal", message: expect.stringContaining("the disk sang") },
    });
    await vi.waitFor(async () => expect(await getTaskIds(machine)).toEqual([]), soon);
  });
});
