/**
 * The control plane's side of a node's link. Pure. Both directions are reliable: commands are numbered, re-sent
 * after each reconnect and acknowledged cumulatively; events are taken once, in order, and acknowledged once persisted.
 */
import type { Failure, NodeEvent, SessionEnd } from "@samovar/contracts";
import { PROTOCOL_VERSION } from "@samovar/contracts";
import { assertNever } from "@samovar/base";
import type { Millis } from "@samovar/base";
import type { NodeRecord, SlotLease } from "./node-record.ts";
import { getNodeFailure, isAlive } from "./node-record.ts";
import type { RunObservation } from "./run-observation.ts";

export interface LinkState {
  /** The number of the newest command; commands are numbered from 1 without gaps. */
  readonly lastCommand: number;
  /** The node has persisted commands up to here. */
  readonly ackedCommand: number;
  /** Commands up to here went out on the present connection; 0 when there is none. */
  readonly sentCommand: number;
  /** Events of this epoch up to here are persisted. */
  readonly lastEvent: number;
}

export const NEW_LINK: LinkState = { lastCommand: 0, ackedCommand: 0, sentCommand: 0, lastEvent: 0 };

/** Numbers a command. `known` is the number that this id has already, if any: the same id twice is one command. */
export function numberCommand(
  link: LinkState,
  known: number | null,
): { readonly link: LinkState; readonly n: number; readonly isNew: boolean } {
  if (known !== null) return { link, n: known, isNew: false };
  const n = link.lastCommand + 1;
  return { link: { ...link, lastCommand: n }, n, isNew: true };
}

export type HelloAnswer =
  | { readonly kind: "welcome"; readonly link: LinkState }
  | { readonly kind: "refuse"; readonly close: "gone" | "upgrade" };

/**
 * A node that says hello. Sending starts again after what the node has persisted by its own word, even if it once
 * acknowledged more: a node that lost its file has to be told again.
 */
export function hello(
  link: LinkState,
  frame: { readonly protocol: number; readonly epoch: number; readonly lastCommand: number },
  record: NodeRecord,
): HelloAnswer {
  if (frame.protocol !== PROTOCOL_VERSION) return { kind: "refuse", close: "upgrade" };
  if (frame.epoch !== record.epoch || !isAlive(record)) return { kind: "refuse", close: "gone" };
  const has = Math.min(frame.lastCommand, link.lastCommand);
  return { kind: "welcome", link: { ...link, ackedCommand: has, sentCommand: has } };
}

/** The number of the next command to send, or null. */
export function getNextCommand(link: LinkState): number | null {
  return link.sentCommand < link.lastCommand ? link.sentCommand + 1 : null;
}

export const markCommandSent = (link: LinkState, n: number): LinkState =>
  n === link.sentCommand + 1 ? { ...link, sentCommand: n } : link;

export const acknowledgeCommands = (link: LinkState, upTo: number): LinkState =>
  upTo > link.ackedCommand ? { ...link, ackedCommand: Math.min(upTo, link.lastCommand) } : link;

/** Whether an event is news. A gap is taken: the node sends in order, so what is missing it has lost for good. */
export function takeEvent(
  link: LinkState,
  n: number,
): { readonly link: LinkState; readonly outcome: "news" | "gap" | "duplicate" } {
  if (n <= link.lastEvent) return { link, outcome: "duplicate" };
  return { link: { ...link, lastEvent: n }, outcome: n === link.lastEvent + 1 ? "news" : "gap" };
}

/** What the node has told of one workspace. */
export interface WorkspaceFacts {
  readonly state: "creating" | "ready" | "failed" | "destroyed";
  readonly branch: string | null;
  readonly failure: Failure | null;
  readonly startedAt: Millis | null;
  /** When a process of the session's start was reported to wait long for its turn; absent when none was. */
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

/** Facts only move forward; the first word on each counts. Answers the same object when nothing is new. */
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
    case "fault":
      return facts;
    default:
      return assertNever(event, "node event");
  }
}

/** What the node told, and what its silence or its end means. */
export function observeRun(record: NodeRecord, lease: SlotLease, told: WorkspaceFacts): RunObservation {
  const lost = record.slots.find((slot) => slot.lease.workspaceId === lease.workspaceId)?.lost ?? null;
  const isLost = lost !== null && told.state !== "destroyed" && told.state !== "failed";
  return {
    node: {
      state: record.life.state,
      connected: record.link.kind === "up",
      downSince: record.link.kind === "down" ? record.link.since : null,
      failure: getNodeFailure(record) ?? lost,
    },
    workspace: { state: isLost ? "failed" : told.state, branch: told.branch, failure: isLost ? lost : told.failure },
    session: { startedAt: told.startedAt, startDelayedAt: told.startDelayedAt ?? null, end: told.end },
  };
}
