/** Cancels at every point of a run, with nodes that answer in every way: one ending, and nothing left behind. */
import { env } from "cloudflare:test";
import type { UserId, WorkspaceId } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { Command, SessionEnd, SessionOutcome } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import type { TaskRecord } from "@samovar/domain/task-status";
import { inSeries } from "@samovar/testing/series";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { getNodeObject } from "../../nodes/durable-object/stub.ts";
import { anOwner, connected } from "../../nodes/durable-object/node.fixture.ts";
import { scriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import { cancelTask } from "../run.ts";
import {
  deps,
  aSessionEnd,
  listTaskEvents,
  ScriptedNode,
  findNewestNode,
  now,
  reaches,
  toSession,
  soon,
  submit,
  readTranscript,
  getWorkspace,
} from "./scripted-node.fixture.ts";

beforeEach(() => {
  scriptedCloud();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

/** When the cancel comes. */
const MOMENTS = [
  "at once",
  "while the node boots",
  "while it clones",
  "when it has cloned",
  "while the agent starts",
  "while the agent works",
  "with the end of the agent",
  "while the workspace is removed",
] as const;
type Moment = (typeof MOMENTS)[number];

interface Plan {
  readonly moment: Moment;
  /** How often, at once. */
  readonly times: number;
  /** The node's reaction to the stop of a session; null: none. */
  readonly answer: SessionOutcome | null;
  /** Which is sent first when cancel and end meet. */
  readonly cancelFirst: boolean;
  /** Whether the node reports everything twice, and an old end again after the end. */
  readonly repeats: boolean;
}

const anyPlan: fc.Arbitrary<Plan> = fc.record({
  moment: fc.constantFrom(...MOMENTS),
  times: fc.constantFrom(1, 1, 2, 5),
  answer: fc.constantFrom("cancelled", "cancelled", "clean", "crashed", "error", null),
  cancelFirst: fc.boolean(),
  repeats: fc.boolean(),
});

/** Every moment some times, and the rest by chance; the same plans each time. */
const PLANS: readonly Plan[] = [
  ...MOMENTS.flatMap((moment, at) =>
    fc
      .sample(anyPlan, { seed: 100 + at, numRuns: inSeries({ short: 1, long: 2 }) })
      .map((plan) => ({ ...plan, moment })),
  ),
  ...fc.sample(anyPlan, { seed: 1, numRuns: inSeries({ short: 4, long: 16 }) }),
];

class Play {
  readonly #plan: Plan;
  readonly #ownerId: UserId;
  readonly #task: TaskRecord;
  hasEndedClean = false;

  constructor(plan: Plan, ownerId: UserId, task: TaskRecord) {
    this.#plan = plan;
    this.#ownerId = ownerId;
    this.#task = task;
  }

  async cancelIf(moment: Moment): Promise<void> {
    const { times } = this.#plan;
    if (moment !== this.#plan.moment) return;
    const answers = await Promise.allSettled(
      Array.from({ length: times }, () => cancelTask(deps, this.#task.id, { kind: "user", id: this.#ownerId })),
    );
    for (const answer of answers) {
      // One that comes after the end is refused with that reason, nothing else.
      if (answer.status === "rejected") expect(errorMessage(answer.reason)).toMatch(/has already ended/);
    }
  }

  /** The node carries out commands until the task has ended. */
  async serve(machine: ScriptedNode): Promise<void> {
    const over = this.over();
    for (;;) {
      const command = await Promise.race([machine.next(), over]);
      if (command === null) return;
      await this.#obey(machine, command);
      if (command.kind === "workspace.destroy") return;
    }
  }

  async over(): Promise<null> {
    const isOver = async () => expect(isTerminal((await now(this.#task)).status)).toBe(true);
    await vi.waitFor(isOver, { ...soon, interval: 100 });
    return null;
  }

  async #obey(machine: ScriptedNode, command: Command): Promise<void> {
    switch (command.kind) {
      case "workspace.create": {
        const { workspaceId } = command.args;
        await this.cancelIf("while it clones");
        this.#report(machine, { kind: "workspace.ready", workspaceId, branch: "task/x", baseCommit: "abc" });
        return this.cancelIf("when it has cloned");
      }
      case "session.start": {
        const { workspaceId, sessionId } = command.args;
        await this.cancelIf("while the agent starts");
        this.#report(machine, { kind: "session.started", workspaceId, sessionId, capabilities: null });
        if (this.#plan.moment === "while the agent works") await reaches(this.#task, "in_progress");
        await this.cancelIf("while the agent works");
        if (this.#plan.moment === "with the end of the agent") return this.#meet(machine, workspaceId);
        if (this.#plan.moment === "while the workspace is removed") return this.#end(machine, workspaceId, "clean");
        return;
      }
      case "session.cancel":
        return this.#end(machine, command.args.workspaceId, this.#plan.answer);
      case "workspace.destroy":
        await this.cancelIf("while the workspace is removed");
        return this.#report(machine, { kind: "workspace.destroyed", workspaceId: command.args.workspaceId });
      case "node.drain":
        return;
    }
  }

  /** Cancel and end at the same time, in either order. */
  async #meet(machine: ScriptedNode, workspaceId: WorkspaceId): Promise<void> {
    const cancel = () => this.cancelIf("with the end of the agent");
    const end = () => this.#end(machine, workspaceId, "clean");
    await Promise.all(this.#plan.cancelFirst ? [cancel(), end()] : [end(), cancel()]);
  }

  async #end(machine: ScriptedNode, workspaceId: WorkspaceId, outcome: SessionOutcome | null): Promise<void> {
    if (outcome === null) return;
    if (outcome === "clean") this.hasEndedClean = true;
    const more: Partial<SessionEnd> =
      outcome === "clean" ? {} : { outcome, pushed: false, failure: { code: "agent", message: "It had a reason." } };
    const end = await aSessionEnd(this.#task, more);
    this.#report(machine, { kind: "session.ended", workspaceId, sessionId: this.#task.sessionId, end });
  }

  #report(machine: ScriptedNode, event: Parameters<ScriptedNode["report"]>[0]): void {
    machine.report(event);
    if (this.#plan.repeats) machine.report(event);
  }
}

/** One task, cancelled as planned; what must hold afterwards. */
async function playOut(plan: Plan): Promise<void> {
  const ownerId = await anOwner();
  const task = await submit(ownerId);
  const play = new Play(plan, ownerId, task);
  await play.cancelIf("at once");
  let machine: ScriptedNode | null = null;
  if (plan.moment !== "at once") {
    const nodeId = await findNewestNode(ownerId);
    await play.cancelIf("while the node boots");
    machine = new ScriptedNode(nodeId, await connected(nodeId));
    await play.serve(machine);
  }
  await play.over();
  const ended = await now(task);
  const status = await settled(task);
  const why = `${JSON.stringify(plan)} ended ${status}`;

  const moves = (await listTaskEvents(task)).filter((event) => event.kind === "status.changed");
  const endings = moves.filter((event) => isTerminal(String(event.data["to"])));
  expect(endings.length, why).toBe(1);
  expect(["cancelled", "completed"], why).toContain(status);
  if (status === "completed") expect(play.hasEndedClean, why).toBe(true);
  else
    expect(ended, why).toMatchObject({
      cancelRequested: true,
      failure: { code: "cancelled" },
      endedAt: expect.any(Number),
    });
  expect(await toSession(task), why).toMatchObject({ status: "stopped", endedAt: expect.any(Number) });

  const workspace = await getWorkspace(task);
  // Once the agent was asked for, there may be something to look at.
  const isKept = status === "cancelled" && (await wasAsked(task));
  if (isKept) expect(workspace, why).toMatchObject({ state: "retained", retainedUntil: expect.any(Number) });
  else expect(workspace?.state ?? "destroyed", why).toBe("destroyed");
  if (isKept) expect((await readTranscript(task)).at(-1), why).toMatch(/Cancelled on request\. .*is kept until/);
  const nodeId = workspace?.nodeId;
  if (nodeId !== undefined)
    expect(await getNodeObject(env, nodeId).view(), why).toMatchObject({
      taskIds: [],
      retainedTaskIds: isKept ? [task.id] : [],
    });

  if (plan.repeats && machine !== null && workspace !== null) {
    machine.report({
      kind: "session.ended",
      workspaceId: workspace.id,
      sessionId: task.sessionId,
      end: await aSessionEnd(task),
    });
    await play.cancelIf(plan.moment);
    expect(await now(task), why).toEqual(ended);
  }
}

/** The session is linked to its workspace as its agent is asked for. */
const wasAsked = async (task: TaskRecord): Promise<boolean> => (await toSession(task))?.workspaceId != null;

/** The final status, once the session has ended as well. */
async function settled(task: TaskRecord): Promise<TaskRecord["status"]> {
  await vi.waitFor(async () => expect((await toSession(task))?.endedAt).not.toBeNull(), soon);
  return (await now(task)).status;
}

const GROUPS = [0, 1, 2, 3] as const;

describe("[T1] [R16] [F46] a cancel", () => {
  it.each(GROUPS)("at any point, once or often, whatever the node answers (%i of 4)", async (group) => {
    const mine = PLANS.filter((_plan, at) => at % GROUPS.length === group);
    expect(PLANS.length).toBeGreaterThan(MOMENTS.length);
    await Promise.all(mine.map(playOut));
  });

  it("that meets the agent's failure is a cancel, without a failure", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const begun = await machine.begins();
    const failure = { code: "agent_silent", message: "It said nothing for long." };
    const end = await aSessionEnd(task, { outcome: "timeout", pushed: false, failure });
    await cancelTask(deps, task.id, { kind: "user", id: ownerId });
    machine.report({ kind: "session.ended", ...begun, end });
    expect(await reaches(task, "cancelled")).toMatchObject({ failure: { code: "cancelled" } });
  });

  it("that comes after the end is refused with the reason, and changes nothing", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const begun = await machine.begins();
    machine.report({ kind: "session.ended", ...begun, end: await aSessionEnd(task) });
    await machine.destroys();
    const done = await reaches(task, "completed");
    await expect(cancelTask(deps, task.id, { kind: "user", id: ownerId })).rejects.toThrow(/has already ended/);
    expect(await now(task)).toEqual(done);
  });
});
