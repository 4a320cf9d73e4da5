/**
 * The control plane's side of a node's link. Pure. Both directions are reliable: commands are numbered, sent again
 * after each reconnect and acknowledged cumulatively; events are accepted once, in order, and acknowledged when persisted.
 */
import type { Failure, NodeEvent, NodeFrame, OutboxStats, RuntimeReport, SessionEnd } from "@samovar/contracts";
import { PROTOCOL_VERSION } from "@samovar/contracts";
import { assertNever } from "@samovar/base";
import type { Millis, WorkspaceId } from "@samovar/base";
import type { NodeRecord, SlotLease } from "./node-record.ts";
import { getNodeFailure, isAlive } from "./node-record.ts";
import type { RunObservation } from "./run-observation.ts";

export interface LinkState {
  /** The number of the newest command; commands are numbered from 1 without gaps. */
  readonly lastCommand: number;
  /** The node has persisted commands up to here. */
  readonly ackedCommand: number;
  /** Commands up to here were sent on the present connection; 0 when there is none. */
  readonly sentCommand: number;
  /** Events of this epoch up to here are persisted. */
  readonly lastEvent: number;
  /** Where the node runs agents, as its last hello said; absent from earlier nodes. */
  readonly runtime?: RuntimeReport;
}

export const NEW_LINK: LinkState = { lastCommand: 0, ackedCommand: 0, sentCommand: 0, lastEvent: 0 };

/** Numbers a command. `known`: the number that this id already has; null for a new id. The same id twice is one command. */
export function numberCommand(
  link: LinkState,
  known: number | null,
): { readonly link: LinkState; readonly n: number; readonly isNew: boolean } {
  if (known !== null) return { link, n: known, isNew: false };
  const n = link.lastCommand + 1;
  return { link: { ...link, lastCommand: n }, n, isNew: true };
}

type Hello = Extract<NodeFrame, { type: "hello" }>;

export type HelloAnswer =
  | { readonly kind: "welcome"; readonly link: LinkState }
  | { readonly kind: "refuse"; readonly close: "gone" | "upgrade" };

/**
 * Answers a node's hello. Sending resumes after the last command that the node reports as persisted, even if it once
 * acknowledged more: a node that lost its file needs the commands again.
 */
export function answerHello(
  link: LinkState,
  frame: Pick<Hello, "protocol" | "epoch" | "lastCommand" | "runtime">,
  record: NodeRecord,
): HelloAnswer {
  if (frame.protocol !== PROTOCOL_VERSION) return { kind: "refuse", close: "upgrade" };
  if (frame.epoch !== record.epoch || !isAlive(record)) return { kind: "refuse", close: "gone" };
  const has = Math.min(frame.lastCommand, link.lastCommand);
  const { runtime: _earlier, ...kept } = link;
  const runtime = frame.runtime === undefined ? {} : { runtime: frame.runtime };
  return { kind: "welcome", link: { ...kept, ...runtime, ackedCommand: has, sentCommand: has } };
}

/** The number of the next command to send, or null. */
export function getNextCommand(link: LinkState): number | null {
  return link.sentCommand < link.lastCommand ? link.sentCommand + 1 : null;
}

export const markCommandSent = (link: LinkState, n: number): LinkState =>
  n === link.sentCommand + 1 ? { ...link, sentCommand: n } : link;

export const acknowledgeCommands = (link: LinkState, upTo: number): LinkState =>
  upTo > link.ackedCommand ? { ...link, ackedCommand: Math.min(upTo, link.lastCommand) } : link;

/** Whether an event is new. A gap is accepted: the node sends in order, so it has lost the missing events for good. */
export function takeEvent(
  link: LinkState,
  n: number,
): { readonly link: LinkState; readonly outcome: "new" | "gap" | "duplicate" } {
  if (n <= link.lastEvent) return { link, outcome: "duplicate" };
  return { link: { ...link, lastEvent: n }, outcome: n === link.lastEvent + 1 ? "new" : "gap" };
}

/** What the node has reported about one workspace. */
export interface WorkspaceFacts {
  readonly state: "creating" | "ready" | "failed" | "destroyed";
  readonly branch: string | null;
  readonly failure: Failure | null;
  readonly startedAt: Millis | null;
  /** When a process of the session's start was reported to wait long for the start gate; absent when none was. */
  readonly startDelayedAt?: Millis;
  readonly end: SessionEnd | null;
}

export const NEW_WORKSPACE: WorkspaceFacts = {
  state: "creating",
  branch: null,
  failure: null,
  startedAt: null,
  end: null,
};

/** Facts only move forward; the first report of each counts. Returns the same object when nothing is new. */
export function foldEvent(facts: WorkspaceFacts, event: NodeEvent, lease: SlotLease, now: Millis): WorkspaceFacts {
  if (!("workspaceId" in event) || event.workspaceId !== lease.workspaceId) return facts;
  switch (event.kind) {
    case "workspace.ready":
      return facts.state === "creating" ? { ...facts, state: "ready", branch: event.branch } : facts;
    case "workspace.failed":
      return facts.state === "creating" ? { ...facts, state: "failed", failure: event.failure } : facts;
    case "workspace.destroyed":
      return facts.state === "destroyed" ? facts : { ...facts, state: "destroyed" };
    case "session.started":
      return event.sessionId === lease.sessionId && facts.startedAt === null ? { ...facts, startedAt: now } : facts;
    case "session.start_delayed":
      return event.sessionId === lease.sessionId && facts.startedAt === null && facts.startDelayedAt === undefined
        ? { ...facts, startDelayedAt: now }
        : facts;
    case "session.ended":
      return event.sessionId === lease.sessionId && facts.end === null ? { ...facts, end: event.end } : facts;
    case "session.metered":
    case "fault":
      return facts;
    default:
      return assertNever(event, "node event");
  }
}

/** Whether the run's work in this workspace goes on: it is neither over, nor retained, nor given up. */
export function isAtWork(record: NodeRecord, workspaceId: WorkspaceId, { state, end }: WorkspaceFacts): boolean {
  const slot = record.slots.find(({ lease }) => lease.workspaceId === workspaceId);
  if (slot === undefined || slot.retained || slot.lost !== null || !isAlive(record)) return false;
  return end === null && (state === "creating" || state === "ready");
}

/** Whether a workspace that holds a slot may still have messages to deliver. `outbox`: the newest report; null when there was none. */
export function hasToDeliver({ state, end }: WorkspaceFacts, outbox: Pick<OutboxStats, "pending"> | null): boolean {
  if (end !== null) return !end.drained && outbox?.pending !== 0;
  return state === "creating" || state === "ready";
}

/** Combines the node's reports with what its silence or its end means. */
export function observeRun(record: NodeRecord, lease: SlotLease, facts: WorkspaceFacts): RunObservation {
  const lost = record.slots.find((slot) => slot.lease.workspaceId === lease.workspaceId)?.lost ?? null;
  const isLost = lost !== null && facts.state !== "destroyed" && facts.state !== "failed";
  return {
    node: {
      state: record.life.state,
      connected: record.link.kind === "up",
      downSince: record.link.kind === "down" ? record.link.since : null,
      failure: getNodeFailure(record) ?? lost,
    },
    workspace: { state: isLost ? "failed" : facts.state, branch: facts.branch, failure: isLost ? lost : facts.failure },
    session: { startedAt: facts.startedAt, startDelayedAt: facts.startDelayedAt ?? null, end: facts.end },
  };
}
