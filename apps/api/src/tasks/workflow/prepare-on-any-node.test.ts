/** Nodes that are lost before the agent has the prompt: the run continues on another one. */
import { env, runInDurableObject } from "cloudflare:test";
import type { NodeId, UserId } from "@samovar/base";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { nodes } from "../../database/schema.ts";
import { getNodeObject } from "../../nodes/durable-object/stub.ts";
import { anOwner } from "../../nodes/durable-object/node.fixture.ts";
import { scriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import {
  db,
  aSessionEnd,
  listTaskEvents,
  ScriptedNode,
  findNewestNode,
  reaches,
  getTaskIds,
  soon,
  submit,
  getWorkspace,
} from "./scripted-node.fixture.ts";

beforeEach(() => {
  scriptedCloud();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** From now on time passes fifteen times as fast for whoever reads the clock; timers go on as they are. */
function hasten(): void {
  const real = Date.now.bind(Date);
  const start = real();
  vi.spyOn(Date, "now").mockImplementation(() => start + (real() - start) * 15);
}

/** From now on the object's constructor throws: its past is not the one that it knows. */
async function ruin(nodeId: NodeId): Promise<void> {
  const node = getNodeObject(env, nodeId);
  await runInDurableObject(node, (_object, state) => {
    state.storage.sql.exec("UPDATE migrations SET checksum = 'another'");
  });
  await runInDurableObject(node, (_object, state) => state.abort("the test ruins it")).catch(() => null);
  const answer = await getNodeObject(env, nodeId)
    .view()
    .catch((error: unknown) => String(error));
  expect(answer).toContain("was edited or removed");
}

const otherNode = (ownerId: UserId, known: readonly NodeId[]): Promise<NodeId> =>
  vi.waitFor(async () => {
    const rows = await db.select().from(nodes).where(eq(nodes.ownerId, ownerId));
    const row = rows.find((each) => each.version > 0 && !known.includes(each.id));
    if (row === undefined) throw new Error("no other node yet");
    return row.id;
  }, soon);

describe("[T1] a node that is lost before the agent has the prompt", () => {
  it("[F29] while it boots: the task is done on another node", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const first = await findNewestNode(ownerId);
    await getNodeObject(env, first).destroy("the test wants it gone");
    const second = await ScriptedNode.on(await otherNode(ownerId, [first]));
    const begun = await second.begins();
    second.report({ kind: "session.ended", ...begun, end: await aSessionEnd(task) });
    await second.destroys();
    expect(await reaches(task, "completed")).toMatchObject({ nodeId: second.nodeId, attempt: 1 });
    expect((await getNodeObject(env, first).view())?.taskIds).toEqual([]);
    const warnings = (await listTaskEvents(task)).filter((event) => event.kind === "warning.raised");
    expect(warnings).toMatchObject([{ data: { nodeId: first, code: "node_destroyed" } }]);
  });

  it("while it clones: the task is queued again, the node released, and another one prepared", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const first = await ScriptedNode.of(ownerId);
    const { args } = await first.expects("workspace.create");
    await reaches(task, "delegated");
    await getNodeObject(env, first.nodeId).destroy("the test wants it gone");
    const second = await ScriptedNode.on(await otherNode(ownerId, [first.nodeId]));
    const begun = await second.begins("task/y");
    expect(begun.workspaceId).toBe(args.workspaceId);
    expect(await reaches(task, "in_progress")).toMatchObject({ nodeId: second.nodeId, branch: "task/y" });
    expect(await getWorkspace(task)).toMatchObject({ nodeId: second.nodeId, state: "busy" });
    expect(await getTaskIds(first)).toEqual([]);
    expect(await getTaskIds(second)).toEqual([task.id]);
    const moves = (await listTaskEvents(task)).filter((event) => event.kind === "status.changed");
    expect(moves.map((event) => event.data["to"])).toEqual([
      "queued",
      "delegated",
      "queued",
      "delegated",
      "in_progress",
    ]);
  });

  it("a repository that cannot be cloned does not count against the node", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const machine = await ScriptedNode.of(ownerId);
    const { args } = await machine.expects("workspace.create");
    const failure = { code: "clone_failed", message: "There is no repository at this address." };
    machine.report({ kind: "workspace.failed", workspaceId: args.workspaceId, failure });
    expect(await reaches(task, "failed")).toMatchObject({ failure });
    expect(await db.select().from(nodes).where(eq(nodes.ownerId, ownerId))).toHaveLength(1);
  });

  it("at most three times: then the task fails with the reason and holds no slot", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const known: NodeId[] = [];
    for (let round = 1; round <= 3; round++) {
      const nodeId = await otherNode(ownerId, known);
      known.push(nodeId);
      await getNodeObject(env, nodeId).destroy("the test wants it gone");
    }
    expect(await reaches(task, "failed")).toMatchObject({ failure: { code: "node_destroyed" } });
    for (const nodeId of known) {
      await vi.waitFor(async () => expect((await getNodeObject(env, nodeId).view())?.taskIds).toEqual([]), soon);
    }
  });
});

describe("[T1] a node that does not return", () => {
  it("is abandoned half a minute after its link is down, not after five minutes", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const first = await ScriptedNode.of(ownerId);
    await first.expects("workspace.create");
    await reaches(task, "delegated");
    first.vanishes();
    await vi.waitFor(
      async () => expect((await getNodeObject(env, first.nodeId).view())?.unreachableSince).not.toBeNull(),
      soon,
    );
    hasten();
    const second = await ScriptedNode.on(await otherNode(ownerId, [first.nodeId]));
    await second.begins();
    expect(await reaches(task, "in_progress")).toMatchObject({ nodeId: second.nodeId });
    expect(await getTaskIds(first)).toEqual([]);
    expect((await getNodeObject(env, first.nodeId).view())?.state).toMatch(/active|warm/);
  });

  it("whose object cannot be constructed is passed over by the next task", async () => {
    const ownerId = await anOwner();
    const earlier = await submit(ownerId);
    const first = await ScriptedNode.of(ownerId);
    const begun = await first.begins();
    first.report({ kind: "session.ended", ...begun, end: await aSessionEnd(earlier) });
    await first.destroys();
    await reaches(earlier, "completed");
    await ruin(first.nodeId);
    const task = await submit(ownerId);
    const second = await ScriptedNode.on(await otherNode(ownerId, [first.nodeId]));
    const next = await second.begins();
    second.report({ kind: "session.ended", ...next, end: await aSessionEnd(task) });
    await second.destroys();
    expect(await reaches(task, "completed")).toMatchObject({ nodeId: second.nodeId });
  });

  it("whose object is lost while it clones is replaced after the same half minute", async () => {
    const ownerId = await anOwner();
    const task = await submit(ownerId);
    const first = await ScriptedNode.of(ownerId);
    await first.expects("workspace.create");
    await reaches(task, "delegated");
    await ruin(first.nodeId);
    hasten();
    const second = await ScriptedNode.on(await otherNode(ownerId, [first.nodeId]));
    await second.begins();
    expect(await reaches(task, "in_progress")).toMatchObject({ nodeId: second.nodeId });
  });
});
