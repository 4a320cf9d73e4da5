/** What runs cost the control plane: calls for facts, workflow steps and database statements. */
import { env } from "cloudflare:test";
import { assertNever } from "@samovar/base";
import type { NodeId, UserId } from "@samovar/base";
import type { Command } from "@samovar/contracts";
import type { TaskRecord } from "@samovar/domain/task-status";
import { and, eq, ne } from "drizzle-orm";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { nodes, tasks } from "../../database/schema.ts";
import { NodeLifecycle } from "../../nodes/durable-object/node-lifecycle.ts";
import { aHolder, anOwner } from "../../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import { db, aSessionEnd, ScriptedNode, soon, submit } from "./scripted-node.testing.ts";
import { RunContext } from "./run-context.ts";

beforeEach(() => {
  scriptedCloud();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Calls that the test itself makes. */
const POLL_STATEMENTS = 2;

/** Counts from now on; the runs go through these prototypes. */
function counting() {
  const facts = vi.spyOn(NodeLifecycle.prototype, "observe");
  const once = vi.spyOn(RunContext.prototype, "once");
  const attempt = vi.spyOn(RunContext.prototype, "attempt");
  const statements = vi.spyOn(Object.getPrototypeOf(env.DB), "prepare");
  return () => ({
    facts: facts.mock.calls.length,
    steps: once.mock.calls.length + attempt.mock.calls.length,
    statements: statements.mock.calls.length,
  });
}

it("[R12] a run reads the facts once for each thing that its node reports, not by time; twelve at once cost no more each", async () => {
  const N = 12;
  const ownerId = await anOwner();
  const { projectId } = await aHolder(ownerId);
  const count = counting();
  const submitted = await Promise.all(Array.from({ length: N }, () => submit(ownerId, "Do it", projectId)));
  const fleet = new Fleet(ownerId, submitted);
  let polled = 0;
  await vi.waitFor(async () => {
    polled++;
    await fleet.answer();
    const isOpen = and(eq(tasks.projectId, projectId), ne(tasks.status, "completed"));
    expect(await db.$count(tasks, isOpen)).toBe(0);
  }, soon);
  const { facts, steps, statements } = count();
  // Connected and the read before it, ready, started, ended, destroyed; on a busy machine a few come by time too.
  expect(facts / N).toBeLessThan(9);
  expect(steps / N).toBeLessThan(38);
  expect((statements - POLL_STATEMENTS * polled) / N).toBeLessThan(120);
});

/** All nodes of an owner; each answers what it is asked, as soon as it can. */
class Fleet {
  readonly #machines = new Map<NodeId, ScriptedNode>();
  readonly #ownerId: UserId;
  readonly #tasks: readonly TaskRecord[];

  constructor(ownerId: UserId, tasks: readonly TaskRecord[]) {
    this.#ownerId = ownerId;
    this.#tasks = tasks;
  }

  async answer(): Promise<void> {
    for (const { id, version } of await db.select().from(nodes).where(eq(nodes.ownerId, this.#ownerId))) {
      if (version > 0 && !this.#machines.has(id)) this.#machines.set(id, await ScriptedNode.on(id));
    }
    for (const machine of this.#machines.values()) {
      for (let command = machine.received(); command !== null; command = machine.received())
        await this.#obey(machine, command);
    }
  }

  async #obey(machine: ScriptedNode, command: Command): Promise<void> {
    switch (command.kind) {
      case "workspace.create": {
        const { workspaceId, branch } = command.args;
        return machine.report({ kind: "workspace.ready", workspaceId, branch, baseCommit: "abc" });
      }
      case "session.start": {
        const { workspaceId, sessionId } = command.args;
        const task = this.#tasks.find((each) => each.sessionId === sessionId);
        if (task === undefined) throw new Error("a session of no task");
        machine.report({ kind: "session.started", workspaceId, sessionId, capabilities: null });
        return machine.report({ kind: "session.ended", workspaceId, sessionId, end: await aSessionEnd(task) });
      }
      case "workspace.destroy":
        return machine.report({ kind: "workspace.destroyed", workspaceId: command.args.workspaceId });
      case "session.cancel":
      case "node.drain":
        return;
      default:
        return assertNever(command);
    }
  }
}
