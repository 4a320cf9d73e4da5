/**
 * What the control plane costs on Cloudflare, in counted operations: a task whose agent streams for ten minutes, and an idle
 * installation. Time is injected: two minutes of streaming count five times, and the idle minutes as often as a month has
 * them. `npm run bench -- cost` prints the figures; docs/costs.md says what is assumed.
 */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { MessageId, NodeId, ProjectId, RunId } from "@samovar/base";
import { DEFAULT_TIME_LIMITS, deliveryReply, nodeEnvironment, taskView } from "@samovar/contracts";
import type { BilledOperations } from "@samovar/domain/cloud-cost";
import { addOperations, OBJECT_GIGABYTES, priceOperations, scaleOperations } from "@samovar/domain/cloud-cost";
import { planPoll, MAX_POLLS, getRunWaits } from "@samovar/domain/run-waits";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { mintWorkspaceToken } from "../src/identity/node-tokens.ts";
import {
  aHolder,
  aNode,
  anOwner,
  connected,
  fireAlarm,
  passTime,
  stopClock,
} from "../src/nodes/durable-object/node.testing.ts";
import type { Agent } from "../src/nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../src/nodes/durable-object/scripted-cloud.ts";
import { getNodeObject } from "../src/nodes/durable-object/stub.ts";
import { runSweep } from "../src/sweep/sweep.ts";
import {
  aSessionEnd,
  deps,
  findNewestNode,
  now as taskNow,
  reaches,
  ScriptedNode,
} from "../src/tasks/workflow/scripted-node.testing.ts";
import { controlPlane, ids, tokenOf } from "./caller.ts";
import { countOperations, subtractCounts } from "./operation-counter.ts";
import type { CountedOperations, OperationCounter } from "./operation-counter.ts";
import { StreamingAgent } from "./streaming-agent.ts";

declare module "vitest" {
  interface TaskMeta {
    /** For `npm run bench -- cost`. */
    cost?: {
      readonly name: string;
      readonly operations: BilledOperations;
      readonly counted: Readonly<Record<string, number>>;
    };
  }
}

const MINUTE_MS = 60_000;
const STREAMING_MS = 10 * MINUTE_MS;
/** Long enough for a heartbeat's alarm. */
const SIMULATED_MS = 2 * MINUTE_MS;
const SIMULATED_TIMES = STREAMING_MS / SIMULATED_MS;
/** The control plane's time to answer a delivery, as nodes of one loaded machine saw it. */
const ANSWER_MS = 90;
const MIN_INTERVAL_MS = nodeEnvironment.parse({}).MSG_BATCH_MIN_INTERVAL_MS;
/** An outbox waits after an answer for as long as the answer took, and not less than its least interval. */
const DELIVERY_MS = ANSWER_MS + Math.max(ANSWER_MS, MIN_INTERVAL_MS);
/** A node reports its outbox at most this often; while it streams, the count differs each time. */
const OUTBOX_REPORT_MS = 30_000;
/** The agent calls its model this often, and the node reports what that used. */
const MODEL_CALL_MS = 10_000;
/** Creation of the task, and the node's bootstrap, upgrade and download of its vm-agent. */
const OTHER_REQUESTS = 4;
/** An estimate: the platform reports a request's CPU time only in its own figures. */
const CPU_MS_PER_REQUEST = 3;
const HOURS_PER_MONTH = 730;
const SWEEPS_PER_HOUR = 4;
const NODE_PING_MS = 20_000;
const VIEWER_PING_MS = 25_000;
const MESSAGES_PER_REQUEST = 20;

let counter: OperationCounter;
let startedAt: number;
let lastPingAt: number;

beforeEach(async () => {
  stopClock();
  startedAt = Date.now();
  lastPingAt = startedAt;
  scriptedCloud();
  // The platform answers pings and records their time by its own clock.
  const state: DurableObjectState = await runInDurableObject(env.PROJECT_DATA.getByName("any"), (_object, context) =>
    Object.getPrototypeOf(context),
  );
  vi.spyOn(state, "getWebSocketAutoResponseTimestamp").mockImplementation(() => new Date(lastPingAt));
  counter = await countOperations();
});
afterEach(() => {
  counter.stop();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

function moveClock(ms: number): void {
  passTime(ms);
  lastPingAt = Date.now() - ((Date.now() - startedAt) % NODE_PING_MS);
}

const getAlarm = (nodeId: NodeId): Promise<number | null> =>
  runInDurableObject(getNodeObject(env, nodeId), (_object, { storage }) => storage.getAlarm());

/** Fires the node's alarm if it is due. An idle object has hibernated by then. */
async function fireDueAlarm(nodeId: NodeId, { hibernates }: { readonly hibernates: boolean }): Promise<void> {
  const node = getNodeObject(env, nodeId);
  const dueAt = await getAlarm(nodeId);
  if (dueAt === null || dueAt > Date.now()) return;
  if (hibernates) await evictDurableObject(node);
  await runDurableObjectAlarm(node);
}

/** Fires the project's alarm if it is due: it indexes what has become final. */
async function indexWhenDue(projectId: ProjectId): Promise<void> {
  const project = env.PROJECT_DATA.getByName(projectId);
  const dueAt = await runInDurableObject(project, (_object, { storage }) => storage.getAlarm());
  if (dueAt !== null && dueAt <= Date.now()) await runDurableObjectAlarm(project);
}

/** How many polls time alone causes while the agent works for so long. */
function countPolls(durationMs: number): number {
  const limitMs = getRunWaits(DEFAULT_TIME_LIMITS).work;
  let polls = 0;
  for (let at = 0; at < durationMs; polls++) {
    const { sleepMs, waitMs } = planPoll(
      { polls, unchanged: polls, maxPolls: MAX_POLLS.work, isSilent: false },
      limitMs,
      limitMs,
      at,
    );
    at += sleepMs + waitMs;
  }
  return polls;
}

/** `pings`: answered by the platform itself. */
function toBilled(counted: CountedOperations, workerRequests: number, pings = 0): BilledOperations {
  // Steps are charged by CPU time only; each counts as a request here, which is the most that it can cost.
  const requests = workerRequests + counted.workflowSteps;
  return {
    workerRequests: requests,
    cpuMs: requests * CPU_MS_PER_REQUEST,
    objectRequests: counted.objectCalls + (counted.socketMessages + pings) / MESSAGES_PER_REQUEST,
    // Between its calls an object can hibernate, and is not charged for its time.
    objectGigabyteSeconds: ((counted.objectCalls + counted.socketMessages) * ANSWER_MS * OBJECT_GIGABYTES) / 1000,
    rowsWritten: counted.objectRowsWritten + counted.databaseRowsWritten,
    rowsRead: counted.objectRowsRead + counted.databaseRowsRead,
  };
}

describe("a task whose agent streams for ten minutes", () => {
  it("[R54] costs less than a cent on Cloudflare", async ({ task: test }) => {
    const ownerId = await anOwner();
    const { projectId } = await aHolder(ownerId);
    const { ask } = controlPlane();
    const before = counter.read();
    const created = await ask(`/api/projects/${projectId}/tasks`, {
      token: await tokenOf(ownerId),
      body: { description: "Do it", run: true, vmSize: "small" },
    });
    const { id } = taskView.parse(await created.json());
    const task = await taskNow({ id } as Parameters<typeof taskNow>[0]);
    await fireAlarm(await findNewestNode(ownerId));
    const node = await ScriptedNode.of(ownerId);
    const { workspaceId, sessionId } = await node.begins();
    await reaches(task, "in_progress");

    const claims = { workspace: workspaceId, project: projectId, session: sessionId, node: node.nodeId, epoch: 1 };
    const { token } = await mintWorkspaceToken(deps.config, claims, Date.now());
    const agent = new StreamingAgent(sessionId, Date.now());
    let deliveries = 0;
    const deliver = async (isOver: boolean) => {
      const messages = agent.planDelivery(Date.now(), isOver);
      if (messages.length === 0) return;
      const answer = await ask(`/api/workspaces/${workspaceId}/messages`, { token, body: { messages } });
      expect(answer.status).toBe(200);
      agent.acknowledge(deliveryReply.parse(await answer.json()));
      deliveries++;
    };

    const beforeStreaming = counter.read();
    const startsAt = Date.now();
    let [reports, calls, polls] = [0, 0, 0];
    const due = (everyMs: number, done: number) => Date.now() - startsAt >= (done + 1) * everyMs;
    const pollEveryMs = STREAMING_MS / countPolls(STREAMING_MS);
    const { runId } = await taskNow(task);
    while (Date.now() - startsAt < SIMULATED_MS) {
      moveClock(DELIVERY_MS);
      await deliver(false);
      if (due(OUTBOX_REPORT_MS, reports)) {
        const stats = { pending: 1 + (reports++ % 3), deadLetters: 0, lastDeadLetterReason: null };
        node.report({ kind: "outbox.stats", sessionId, stats });
      }
      if (due(MODEL_CALL_MS, calls)) {
        calls++;
        const used = {
          inputTokens: calls * 100,
          outputTokens: calls * 900,
          cacheReadTokens: calls * 40_000,
          cacheWriteTokens: 0,
        };
        const metered = { models: [{ model: "claude-opus-5-5", ...used }], calls, unmeteredCalls: 0 };
        node.report({ kind: "session.metered", workspaceId, sessionId, metered });
      }
      if (due(pollEveryMs, polls)) {
        polls++;
        await poll(runId);
      }
      await fireDueAlarm(node.nodeId, { hibernates: false });
      await indexWhenDue(projectId);
    }
    await deliver(true);
    const streaming = subtractCounts(counter.read(), beforeStreaming);
    const streamed = deliveries;

    node.report({ kind: "session.ended", workspaceId, sessionId, end: await aSessionEnd(task) });
    await node.destroys();
    await reaches(task, "completed");
    const rest = subtractCounts(subtractCounts(counter.read(), before), streaming);

    const operations = addOperations(
      scaleOperations(toBilled(streaming, streamed), SIMULATED_TIMES),
      toBilled(rest, OTHER_REQUESTS),
    );
    const counted = {
      deliveries: streamed * SIMULATED_TIMES,
      "rows written a delivery": streaming.objectRowsWritten / streamed,
      "statements a delivery": streaming.objectStatements / streamed,
      alarms: streaming.alarms * SIMULATED_TIMES + rest.alarms,
      "D1 queries": streaming.databaseQueries * SIMULATED_TIMES + rest.databaseQueries,
      "D1 rows written": streaming.databaseRowsWritten * SIMULATED_TIMES + rest.databaseRowsWritten,
      "workflow steps": streaming.workflowSteps * SIMULATED_TIMES + rest.workflowSteps,
      "rows outside of the streaming": rest.objectRowsWritten + rest.databaseRowsWritten,
    };
    test.meta.cost = { name: "task", operations, counted };
    expect(priceOperations(operations).total).toBeLessThan(0.01);
    // Reports of the node included.
    expect(counted["rows written a delivery"]).toBeLessThan(4.5);
    expect(operations.rowsWritten).toBeLessThan(8_500);
  });

  async function poll(runId: RunId | null): Promise<void> {
    if (runId === null) throw new Error("the task has no run");
    const { workflowSteps } = counter.read();
    await (await env.TASK_RUN.get(runId)).sendEvent({ type: "signal", payload: {} });
    await vi.waitFor(() => expect(counter.read().workflowSteps).toBeGreaterThanOrEqual(workflowSteps + 2));
  }
});

describe("a delivery", () => {
  const message = { role: "assistant", kind: "text", toolMetadata: null, interrupted: false, truncated: null } as const;

  async function aDeliverer() {
    const [project, session, workspace] = [ids.make("prj"), ids.make("ses"), ids.make("wsp")];
    const stub = env.PROJECT_DATA.getByName(project);
    await stub.createSession({ projectId: project, sessionId: session, taskId: ids.make("tsk"), firstMessage: null });
    const claims = { workspace, project, session, node: ids.make("nod"), epoch: 1 };
    let length = 0;
    const deliver = async (messageId: MessageId, seq: number, revision: number, final: boolean) => {
      const text = "A line that is long enough to be shown in lists.\n".repeat(3);
      const body = { mode: "append", offset: revision === 1 ? 0 : length, text } as const;
      length = body.offset + text.length;
      const row = {
        ...message,
        messageId,
        sessionId: session,
        seq,
        revision,
        body,
        final,
        timestamp: "2090-01-01T00:00:00Z",
      };
      const before = counter.read();
      const { results } = await stub.deliver(claims, [row]);
      expect(results).toMatchObject([{ outcome: "stored" }]);
      const { objectRowsWritten, objectStatements } = subtractCounts(counter.read(), before);
      return { rows: objectRowsWritten, statements: objectStatements };
    };
    return deliver;
  }

  it("[R54] writes one row while a message grows, and no more for a long session", async () => {
    const deliver = await aDeliverer();
    for (let seq = 1; seq <= 30; seq++) {
      const id = ids.messageId();
      // The message with its id, position and place among the open ones, and the session.
      expect((await deliver(id, seq, 1, false)).rows).toBeLessThanOrEqual(5);
      expect(await deliver(id, seq, 2, false)).toEqual({ rows: 1, statements: 5 });
      expect(await deliver(id, seq, 3, false)).toEqual({ rows: 1, statements: 5 });
      // The message with its last change, and the session; the first time also the alarm that will index it.
      expect((await deliver(id, seq, 4, true)).rows).toBe(seq === 1 ? 4 : 3);
    }
  });

  it("[R54] leaves no line in the log at the ordinary level unless it fails", async () => {
    const log = vi.spyOn(console, "log").mockImplementation(() => undefined);
    const { ask, deps: own } = controlPlane(undefined, { LOG_LEVEL: "info" });
    const [workspace, project, session] = [ids.make("wsp"), ids.make("prj"), ids.make("ses")];
    await env.PROJECT_DATA.getByName(project).createSession({
      projectId: project,
      sessionId: session,
      taskId: null,
      firstMessage: null,
    });
    const claims = { workspace, project, session, node: ids.make("nod"), epoch: 1 };
    const { token } = await mintWorkspaceToken(own.config, claims, Date.now());
    const send = (messages: unknown) => ask(`/api/workspaces/${workspace}/messages`, { token, body: { messages } });
    const rows = [{ messageId: ids.messageId(), sessionId: session, role: "assistant", content: "Done." }];
    expect(await (await send(rows)).json()).toMatchObject({ persisted: 1 });
    expect(log).not.toHaveBeenCalled();
    expect((await send("nothing")).status).toBe(400);
    expect(log.mock.calls.flat().join()).toContain("http.request");
  });
});

describe("an idle installation with three warm nodes and five open pages", () => {
  const NODES = 3;
  const VIEWERS = 5;
  const IDLE_MINUTES = 25;

  it("[R54] costs less than thirty cents a month more than the plan", async ({ task: test }) => {
    const ownerId = await anOwner();
    const nodes = await Promise.all(Array.from({ length: NODES }, () => aWarmNode(ownerId)));
    moveClock(1_000);
    for (const { nodeId } of nodes) await fireDueAlarm(nodeId, { hibernates: false });
    await vi.waitFor(async () => {
      for (const { nodeId } of nodes) expect((await getNodeObject(env, nodeId).view())?.state).toBe("warm");
    });

    const before = counter.read();
    for (const end = Date.now() + IDLE_MINUTES * MINUTE_MS; Date.now() < end;) {
      const dueAts = await Promise.all(nodes.map(({ nodeId }) => getAlarm(nodeId)));
      moveClock(Math.min(end, ...dueAts.filter((at) => at !== null)) - Date.now());
      for (const { nodeId } of nodes) await fireDueAlarm(nodeId, { hibernates: true });
    }
    const idle = subtractCounts(counter.read(), before);
    for (const { nodeId, agent } of nodes) {
      expect((await getNodeObject(env, nodeId).view())?.state).toBe("warm");
      expect(agent.closedWith).toBeNull();
    }
    // The first one creates its records.
    await runSweep(env, Date.now());
    const beforeSweep = counter.read();
    await runSweep(env, Date.now());
    const sweep = subtractCounts(counter.read(), beforeSweep);

    const pings = IDLE_MINUTES * MINUTE_MS * (NODES / NODE_PING_MS + VIEWERS / VIEWER_PING_MS);
    const perMonth = (HOURS_PER_MONTH * 60) / IDLE_MINUTES;
    const operations = addOperations(
      scaleOperations(toBilled(idle, 0, pings), perMonth),
      scaleOperations(toBilled(sweep, 1), HOURS_PER_MONTH * SWEEPS_PER_HOUR),
    );
    const counted = {
      alarms: idle.alarms * perMonth,
      "rows written an alarm": idle.objectRowsWritten / Math.max(1, idle.alarms),
      "rows written a sweep": sweep.databaseRowsWritten,
      "D1 queries a sweep": sweep.databaseQueries,
      "D1 rows read a sweep": sweep.databaseRowsRead,
    };
    test.meta.cost = { name: "idle month", operations, counted };
    expect(priceOperations(operations).total).toBeLessThan(0.3);
    expect(operations.rowsWritten).toBeLessThan(130_000);
  });

  async function aWarmNode(ownerId: Awaited<ReturnType<typeof anOwner>>): Promise<{ nodeId: NodeId; agent: Agent }> {
    const lease = await aHolder(ownerId);
    const nodeId = await aNode(lease, ownerId);
    await fireAlarm(nodeId);
    const agent = await connected(nodeId);
    await getNodeObject(env, nodeId).release(lease.workspaceId);
    return { nodeId, agent };
  }
});
