/** The link's book-keeping against a connection that is cut anywhere. */
import type { NodeId, ProjectId, RunId, SessionId, WorkspaceId } from "@samovar/base";
import type { NodeEvent, SessionEnd } from "@samovar/contracts";
import { PROTOCOL_VERSION } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LinkState } from "./node-link.ts";
import {
  markCommandSent,
  acknowledgeCommands,
  foldEvent,
  answerHello,
  NEW_LINK,
  NEW_WORKSPACE,
  getNextCommand,
  hasToDeliver,
  isAtWork,
  numberCommand,
  observeRun,
  takeEvent,
} from "./node-link.ts";
import { reserveSlot, stepNode } from "./node-lifecycle.ts";
import type { SlotLease } from "./node-record.ts";
import { newNode } from "./node-record.ts";

const settings = {
  slots: 2,
  idleGraceMs: 1,
  warmTimeoutMs: 1,
  maxLifetimeMs: 9e9,
  hardLifetimeMs: 9e9,
  retainedWithoutSlot: 0,
  bootTimeoutMs: 9e9,
  unreachableTimeoutMs: 10,
};
const lease: SlotLease = {
  workspaceId: "wsp_1" as WorkspaceId,
  taskId: null,
  runId: "run_1" as RunId,
  projectId: "prj_1" as ProjectId,
  sessionId: "ses_1" as SessionId,
};
const node = newNode("nod_1" as NodeId, lease, 0, settings);
const end: SessionEnd = {
  outcome: "clean",
  stopReason: "end_turn",
  failure: null,
  branch: "task/x",
  commits: [],
  diffStat: null,
  pushed: true,
  pushError: null,
  summary: null,
  usage: null,
  restarts: 0,
  bundle: null,
  warning: null,
  drained: true,
  digest: { count: 0, digest: "" },
};

describe("hello", () => {
  it("[F31] refuses an older epoch for good, and asks another protocol version to upgrade", () => {
    const frame = { protocol: PROTOCOL_VERSION, epoch: node.epoch, lastCommand: 0 };
    expect(answerHello(NEW_LINK, { ...frame, epoch: node.epoch - 1 }, node)).toEqual({ kind: "refuse", close: "gone" });
    expect(answerHello(NEW_LINK, { ...frame, protocol: PROTOCOL_VERSION + 1 }, node)).toEqual({
      kind: "refuse",
      close: "upgrade",
    });
    const ended = stepNode(node, { kind: "destroy.requested", reason: "requested" }, 1, settings).record;
    expect(answerHello(NEW_LINK, frame, ended)).toEqual({ kind: "refuse", close: "gone" });
  });

  it("sends again from what the node says it has, even less than it once acknowledged", () => {
    const link: LinkState = { lastCommand: 5, ackedCommand: 4, sentCommand: 5, lastEvent: 0 };
    const answer = answerHello(link, { protocol: PROTOCOL_VERSION, epoch: node.epoch, lastCommand: 2 }, node);
    expect(answer).toMatchObject({ kind: "welcome" });
    if (answer.kind === "welcome") expect(getNextCommand(answer.link)).toBe(3);
  });
});

describe("commands and events over a connection that is cut anywhere", () => {
  const move = fc.constantFrom("queue", "queue_again", "send", "lose", "ack", "emit", "emit_lost_ack", "reconnect");

  it("[R8] every command reaches the node once and in order; every event is taken once", () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 80 }), (moves) => {
        let link = NEW_LINK;
        const ids: string[] = [];
        /** The node's disk: command numbers it has persisted, events it has made and not been acknowledged. */
        const got: number[] = [];
        let made = 0;
        const taken: number[] = [];
        let unacked: number[] = [];
        const welcome = () => {
          const answer = answerHello(
            link,
            { protocol: PROTOCOL_VERSION, epoch: node.epoch, lastCommand: got.length },
            node,
          );
          if (answer.kind !== "welcome") throw new Error("refused");
          link = answer.link;
        };
        const sendAll = (arrives: boolean) => {
          for (let n = getNextCommand(link); n !== null; n = getNextCommand(link)) {
            link = markCommandSent(link, n);
            if (arrives && n === got.length + 1) got.push(n);
          }
        };
        const emit = (ackArrives: boolean) => {
          for (const n of unacked) {
            const answer = takeEvent(link, n);
            link = answer.link;
            expect(answer.outcome).not.toBe("gap");
            if (answer.outcome === "new") taken.push(n);
          }
          if (ackArrives) unacked = [];
        };
        for (const each of moves) {
          if (each === "queue" || each === "queue_again") {
            const id = each === "queue" || ids.length === 0 ? `c${ids.length}` : (ids[0] ?? "");
            const known = ids.indexOf(id);
            const answer = numberCommand(link, known < 0 ? null : known + 1);
            link = answer.link;
            if (answer.isNew) ids.push(id);
            expect(answer.n).toBe(ids.indexOf(id) + 1);
          } else if (each === "send") sendAll(true);
          else if (each === "lose") sendAll(false);
          else if (each === "ack") link = acknowledgeCommands(link, got.length);
          else if (each === "reconnect") welcome();
          else {
            unacked = [...unacked, ++made];
            emit(each === "emit");
          }
        }
        welcome();
        sendAll(true);
        emit(true);
        expect(got).toEqual(ids.map((_, i) => i + 1));
        expect(taken).toEqual(Array.from({ length: made }, (_, i) => i + 1));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("facts of a workspace", () => {
  const ready: NodeEvent = {
    n: 1,
    at: 5,
    kind: "workspace.ready",
    workspaceId: lease.workspaceId,
    branch: "task/x-2",
    baseCommit: "c",
  };

  it("only move forward, and keep the first word", () => {
    const facts = foldEvent(NEW_WORKSPACE, ready, lease, 7);
    expect(facts).toMatchObject({ state: "ready", branch: "task/x-2" });
    const failed: NodeEvent = {
      n: 2,
      at: 5,
      kind: "workspace.failed",
      workspaceId: lease.workspaceId,
      failure: { code: "x", message: "y" },
    };
    expect(foldEvent(facts, failed, lease, 8)).toBe(facts);
    expect(foldEvent(facts, { ...ready, workspaceId: "wsp_2" as WorkspaceId }, lease, 8)).toBe(facts);
  });

  it("[F18] the time of a start is ours, not the node's; another session's end is not this one's", () => {
    const started = foldEvent(
      NEW_WORKSPACE,
      {
        n: 1,
        at: 999_999,
        kind: "session.started",
        workspaceId: lease.workspaceId,
        sessionId: lease.sessionId,
        capabilities: null,
      },
      lease,
      7,
    );
    expect(started.startedAt).toBe(7);
    const other: NodeEvent = {
      n: 2,
      at: 1,
      kind: "session.ended",
      workspaceId: lease.workspaceId,
      sessionId: "ses_2" as SessionId,
      end,
    };
    expect(foldEvent(started, other, lease, 8)).toBe(started);
    expect(foldEvent(started, { ...other, sessionId: lease.sessionId }, lease, 8).end).toEqual(end);
  });

  it("remember that the start of the session waited long for its turn: the first report, before the agent's first sign", () => {
    const { workspaceId, sessionId } = lease;
    const delayed: NodeEvent = { n: 1, at: 5, kind: "session.start_delayed", workspaceId, sessionId };
    const facts = foldEvent(NEW_WORKSPACE, delayed, lease, 7);
    expect(observeRun(node, lease, facts).session).toEqual({ startedAt: null, startDelayedAt: 7, end: null });
    expect(foldEvent(facts, { ...delayed, n: 2 }, lease, 9)).toBe(facts);
    expect(foldEvent(NEW_WORKSPACE, { ...delayed, sessionId: "ses_2" as SessionId }, lease, 7)).toBe(NEW_WORKSPACE);
    const started = { ...NEW_WORKSPACE, startedAt: 6 };
    expect(foldEvent(started, delayed, lease, 7)).toBe(started);
    expect(observeRun(node, lease, NEW_WORKSPACE).session.startDelayedAt).toBeNull();
  });

  it("[F30] a lost node fails its workspaces, but an end that it reported before stands", () => {
    const up = stepNode(reserveSlot(node, lease, 0, settings).record, { kind: "agent.connected" }, 1, settings).record;
    const cut = stepNode(up, { kind: "link.lost" }, 2, settings).record;
    const lost = stepNode(cut, { kind: "alarm", name: "unreachable" }, 12, settings).record;
    const facts = { ...NEW_WORKSPACE, state: "ready" as const, branch: "task/x", end };
    expect(observeRun(up, lease, facts)).toMatchObject({
      node: { state: "active", connected: true, failure: null },
      workspace: { state: "ready" },
    });
    expect(observeRun(lost, lease, facts)).toMatchObject({
      node: { state: "draining", connected: false, failure: { code: "node_unreachable" } },
      workspace: { state: "failed", failure: { code: "node_unreachable" } },
      session: { end: { outcome: "clean" } },
    });
  });
});

describe("[S1] [security 5] access of a workspace", () => {
  const ready = { ...NEW_WORKSPACE, state: "ready" as const };
  const step = (event: Parameters<typeof stepNode>[1]) => stepNode(node, event, 1, settings).record;

  it("to credentials lasts while the run's work goes on there", () => {
    expect(isAtWork(node, lease.workspaceId, NEW_WORKSPACE)).toBe(true);
    expect(isAtWork(node, lease.workspaceId, ready)).toBe(true);
    expect(isAtWork(node, "wsp_2" as WorkspaceId, ready)).toBe(false);
    for (const over of [
      { ...ready, end },
      { ...ready, state: "failed" },
      { ...ready, state: "destroyed" },
    ] as const)
      expect(isAtWork(node, lease.workspaceId, over)).toBe(false);
    const { workspaceId } = lease;
    for (const event of [
      { kind: "slot.retained", workspaceId },
      { kind: "slot.released", workspaceId },
      { kind: "destroy.requested", reason: "requested" },
      { kind: "agent.outdated" },
    ] as const)
      expect(isAtWork(step(event), workspaceId, ready), event.kind).toBe(false);
  });

  it("to the store lasts until everything is delivered", () => {
    expect(hasToDeliver(NEW_WORKSPACE, null)).toBe(true);
    expect(hasToDeliver(ready, { pending: 0 })).toBe(true);
    expect(hasToDeliver({ ...ready, state: "failed" }, null)).toBe(false);
    expect(hasToDeliver({ ...ready, end }, { pending: 3 }), "drained after the report").toBe(false);
    const undrained = { ...ready, end: { ...end, drained: false } };
    expect(hasToDeliver(undrained, null)).toBe(true);
    expect(hasToDeliver(undrained, { pending: 3 })).toBe(true);
    expect(hasToDeliver(undrained, { pending: 0 })).toBe(false);
  });
});
