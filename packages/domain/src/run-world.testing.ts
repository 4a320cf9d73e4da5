/**
 * For tests: one task with its run, node and user, built from the pure cores alone on a simulated clock. The run takes the
 * workflow's steps; the test decides which signals are lost or repeated. Checks T1 after each change.
 */
import type { Millis, NodeId, RunId, SessionId, UserId, WorkspaceId } from "@samovar/base";
import { assertNever } from "@samovar/base";
import { DEFAULT_TIME_LIMITS } from "@samovar/contracts";
import type { Failure, NodeEventDraft, SessionEnd, TaskStatus, TranscriptVerification } from "@samovar/contracts";
import { expect } from "vitest";
import type { NodeEffect, NodeLifecycleEvent } from "./node-lifecycle.ts";
import { reserveSlot, stepNode } from "./node-lifecycle.ts";
import { foldEvent, NEW_WORKSPACE, observeRun } from "./node-link.ts";
import type { WorkspaceFacts } from "./node-link.ts";
import type { NodeRecord, NodeSettings, SlotLease } from "./node-record.ts";
import { deriveAlarms, newNode } from "./node-record.ts";
import { planPoll, MAX_POLLS, getRunWaits } from "./run-waits.ts";
import { getQueuePollMs } from "./task-queue.ts";
import { CANCELLED, concludeRun, decideRun, MAX_REPLACEMENTS, getCancelFailure } from "./task-run.ts";
import type { RunDecision, RunWait } from "./task-run.ts";
import { changeTask, isTerminal } from "./task-status.ts";
import type { TaskActor, TaskChange, TaskRecord } from "./task-status.ts";

const LIMITS = DEFAULT_TIME_LIMITS;
export const WAITS = getRunWaits(LIMITS);
const SETTINGS: NodeSettings = {
  slots: 3,
  retainedWithoutSlot: 10,
  idleGraceMs: 1_000,
  warmTimeoutMs: 30 * 60_000,
  maxLifetimeMs: LIMITS.NODE_DRAIN_AFTER_MS,
  hardLifetimeMs: LIMITS.NODE_MAX_LIFETIME_MS,
  bootTimeoutMs: LIMITS.NODE_BOOT_TIMEOUT_MS,
  unreachableTimeoutMs: LIMITS.NODE_UNREACHABLE_TIMEOUT_MS,
};
/** How often the sweep runs; it finds a workflow that is gone. */
const SWEEP_MS = 15 * 60_000;

/** Every attempt is over after this time, whatever happens. */
export const LONGEST_ATTEMPT_MS =
  (MAX_REPLACEMENTS + 1) * (LIMITS.TASK_QUEUE_TIMEOUT_MS + WAITS.node + WAITS.workspace) +
  WAITS.start +
  WAITS.work +
  WAITS.drain +
  4 * SWEEP_MS;

const AGREED: TranscriptVerification = {
  agreed: true,
  claimed: { count: 1, digest: "d" },
  stored: { count: 1, digest: "d" },
};

/** Where a run is: in the queue, in one of its waits, or over. */
type Phase =
  | { readonly at: "queue"; readonly deadline: Millis; readonly polls: number; readonly nextPoll: Millis }
  | {
      readonly at: RunWait;
      readonly deadline: Millis;
      readonly polls: number;
      readonly unchanged: number;
      readonly nextPoll: Millis;
      readonly sleepsUntil: Millis;
    }
  | { readonly at: "over" };

interface Assignment {
  readonly lease: SlotLease;
  record: NodeRecord;
  facts: WorkspaceFacts;
}

export class RunWorld {
  now: Millis = 1_000;
  task: TaskRecord;
  /** Status events since the beginning. */
  readonly moves: {
    readonly attempt: number;
    readonly from: TaskStatus;
    readonly to: TaskStatus;
    readonly at: Millis;
  }[] = [];
  /** The outcome that each attempt's node has really reported. */
  readonly ends = new Map<number, SessionEnd["outcome"]>();
  hasCapacity = true;
  /** Whether signals arrive. */
  receivesSignals = true;
  readonly #cancelled = new Set<number>();
  #runs = 0;
  #assignment: Assignment | null = null;
  #earlier: Assignment[] = [];
  #phase: Phase = { at: "over" };
  #stoppedFor: Failure | null = null;
  #replaced = 0;
  #sweptAt: Millis | null = null;

  constructor(task: TaskRecord) {
    this.task = task;
  }

  /** Applies a change as the store does: decides, and writes only a real change. */
  change(change: TaskChange, actor: TaskActor): boolean {
    const before = this.task;
    const result = changeTask(before, change, actor, this.now);
    if (!result.ok || !result.value.changed) return result.ok;
    this.task = result.value.task;
    for (const { kind, data } of result.value.events) {
      if (kind !== "status.changed") continue;
      this.moves.push({ attempt: this.task.attempt, from: before.status, to: this.task.status, at: this.now });
      expect(data).toMatchObject({ from: before.status, to: this.task.status });
    }
    this.#check(before);
    return true;
  }

  /** The user runs or retries the task. */
  run(user: TaskActor): void {
    const attempt = this.#runs + 1;
    const runId = `run_${attempt}` as RunId;
    const again = this.task.status === "failed" || this.task.status === "cancelled";
    const sessionId = `ses_${attempt}` as SessionId;
    const change: TaskChange = again
      ? { kind: "retry", runId, sessionId, promptMessageId: this.task.promptMessageId }
      : { kind: "queue", runId };
    if (!this.change(change, user)) return;
    this.#runs = attempt;
    this.#release();
    this.#replaced = 0;
    this.#stoppedFor = null;
    this.#sweptAt = null;
    this.#enqueue();
  }

  /** Loses the workflow; the sweep finds out. */
  loseRun(): void {
    if (this.#phase.at === "over" || isTerminal(this.task.status)) return;
    this.#phase = { at: "over" };
    this.#sweptAt = this.now + SWEEP_MS;
  }

  /** An event from the node of the present workspace, or of an abandoned one. */
  report(
    event: (workspaceId: WorkspaceId, sessionId: SessionId) => NodeEventDraft,
    whose: "present" | "earlier",
  ): void {
    const assignment = whose === "present" ? this.#assignment : this.#earlier.at(-1);
    if (assignment == null || assignment.record.link.kind !== "up") return;
    const { workspaceId, sessionId } = assignment.lease;
    const draft = event(workspaceId, sessionId);
    const facts = { ...draft, n: 1, at: this.now };
    const other = this.#assignment;
    if (whose === "earlier" && other !== null)
      expect(foldEvent(other.facts, facts, other.lease, this.now), "events of another workspace").toBe(other.facts);
    const before = assignment.facts;
    assignment.facts = foldEvent(before, facts, assignment.lease, this.now);
    if (assignment.facts === before || whose === "earlier") return;
    const { attempt } = this.task;
    if (draft.kind === "session.ended" && !this.ends.has(attempt)) this.ends.set(attempt, draft.end.outcome);
    this.signal();
  }

  /** What the run waits for now. */
  get at(): Phase["at"] {
    return this.#phase.at;
  }

  cancel(user: TaskActor): void {
    if (this.change({ kind: "cancel", reason: "changed my mind" }, user)) this.#cancelled.add(this.task.attempt);
    this.signal();
  }

  /** A run that is over repeats a step. */
  repeat(change: TaskChange, which: "this" | "earlier"): void {
    if (this.#phase.at !== "over" && which === "this") return;
    const runId = `run_${which === "this" ? this.#runs : this.#runs - 1}` as RunId;
    const before = this.task;
    // A lost workflow may still end its task until the sweep does.
    if (which === "this" && !isTerminal(before.status)) return;
    this.change(change, { kind: "run", id: runId });
    expect(this.task, "a run that is over changes nothing").toBe(before);
  }

  node(event: NodeLifecycleEvent): void {
    if (this.#assignment === null) return;
    this.#step(this.#assignment, event);
  }

  signal(): void {
    const phase = this.#phase;
    if (!this.receivesSignals || phase.at === "over") return;
    if (phase.at !== "queue" && this.now < phase.sleepsUntil) return;
    this.#poll(true);
  }

  /** Passes time: alarms fire when due, and the run polls on its schedule. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let turns = 0; turns < 20_000; turns++) {
      const next = this.#nextMoment();
      if (next === null || next.at > until) {
        this.now = until;
        return;
      }
      this.now = Math.max(this.now, next.at);
      next.act();
    }
    throw new Error("time does not advance");
  }

  #nextMoment(): { readonly at: Millis; readonly act: () => void } | null {
    const moments: { at: Millis; act: () => void }[] = [];
    const assignment = this.#assignment;
    if (assignment !== null) {
      for (const [name, at] of deriveAlarms(assignment.record, SETTINGS))
        moments.push({ at, act: () => this.#step(assignment, { kind: "alarm", name }) });
    }
    const phase = this.#phase;
    if (phase.at !== "over") moments.push({ at: phase.nextPoll, act: () => this.#poll(false) });
    const sweptAt = this.#sweptAt;
    if (sweptAt !== null) moments.push({ at: sweptAt, act: () => this.#sweep() });
    return moments.toSorted((a, b) => a.at - b.at)[0] ?? null;
  }

  #sweep(): void {
    this.#sweptAt = null;
    this.change(
      { kind: "fail", failure: { code: "run_lost", message: "The run was lost." }, output: null },
      { kind: "sweep" },
    );
    this.#release();
  }

  #step(assignment: Assignment, event: NodeLifecycleEvent): void {
    const { record, effects } = stepNode(assignment.record, event, this.now, SETTINGS);
    assignment.record = record;
    for (const effect of effects) this.#effect(assignment, effect);
  }

  /** The provider answers at once here; the node's model test covers its other behaviour. */
  #effect(assignment: Assignment, effect: NodeEffect): void {
    switch (effect.kind) {
      case "provider.create":
        return this.#step(assignment, { kind: "server.made", server: { id: "1", location: null, pricePerHour: null } });
      case "provider.find":
        return this.#step(assignment, { kind: "server.absent" });
      case "provider.delete":
        return this.#step(assignment, { kind: "server.gone" });
      case "wake":
        return assignment === this.#assignment ? this.signal() : undefined;
      case "capacity":
        return this.signal();
      case "node.drain":
      case "link.close":
        return;
      default:
        return assertNever(effect, "effect");
    }
  }

  /* The run's steps, as the workflow takes them. */

  #actor(): TaskActor {
    return { kind: "run", id: `run_${this.#runs}` as RunId };
  }

  #enqueue(): void {
    const deadline = this.now + LIMITS.TASK_QUEUE_TIMEOUT_MS;
    this.#phase = { at: "queue", deadline, polls: 0, nextPoll: this.now };
  }

  /** `mayBeReady`: false when the run has only just requested it, so it waits for a signal first. */
  #wait(at: RunWait, mayBeReady: boolean): void {
    const { now } = this;
    const deadline = now + WAITS[at];
    const progress = { polls: 0, unchanged: 0, maxPolls: MAX_POLLS[at], isSilent: false };
    const nextPoll = mayBeReady ? now : now + planPoll(progress, WAITS[at], deadline, now).waitMs;
    this.#phase = { at, deadline, polls: 0, unchanged: 0, nextPoll, sleepsUntil: now };
  }

  #poll(signalled: boolean): void {
    const phase = this.#phase;
    if (phase.at === "over") return;
    if (phase.at === "queue") return this.#pollQueue(phase);
    const assignment = this.#assignment;
    const decision = decideRun(phase.at, {
      observation: assignment === null ? null : observeRun(assignment.record, assignment.lease, assignment.facts),
      silentSince: null,
      cancelRequested: this.task.cancelRequested,
      overBudget: null,
      deadline: phase.deadline,
      now: this.now,
    });
    if (decision.kind !== "wait") return this.#decided(phase.at, decision);
    const polls = phase.polls + 1;
    expect(polls, "polls of one wait").toBeLessThanOrEqual(MAX_POLLS[phase.at] + 1);
    const unchanged = signalled ? 0 : phase.unchanged + 1;
    const pace = planPoll(
      { polls, unchanged, maxPolls: MAX_POLLS[phase.at], isSilent: false },
      WAITS[phase.at],
      phase.deadline,
      this.now,
    );
    const sleepsUntil = this.now + pace.sleepMs;
    const byPace = sleepsUntil + pace.waitMs;
    const nextPoll = decision.pollBy === null ? byPace : Math.max(sleepsUntil, Math.min(byPace, decision.pollBy));
    this.#phase = { ...phase, polls, unchanged, sleepsUntil, nextPoll: Math.max(nextPoll, this.now + 1) };
  }

  #pollQueue(phase: Extract<Phase, { at: "queue" }>): void {
    if (this.task.cancelRequested) return this.#end("cancelled", CANCELLED);
    if (this.hasCapacity) {
      this.#assign();
      return this.#wait("node", true);
    }
    if (this.now >= phase.deadline)
      return this.#end("failed", { code: "no_capacity", message: "No slot became available." });
    const nextPoll = this.now + Math.max(1, getQueuePollMs(phase.polls + 1, phase.deadline, this.now));
    this.#phase = { ...phase, polls: phase.polls + 1, nextPoll };
  }

  #assign(): void {
    const run = this.#runs * 10 + this.#replaced;
    const lease: SlotLease = {
      workspaceId: `wsp_${run}` as WorkspaceId,
      taskId: this.task.id,
      runId: `run_${this.#runs}` as RunId,
      projectId: this.task.projectId,
      sessionId: this.task.sessionId,
    };
    const record = newNode(`nod_${run}` as NodeId, lease, this.now, SETTINGS);
    const { reply } = reserveSlot(record, lease, this.now, SETTINGS);
    expect(reply.granted).toBe(true);
    this.#assignment = { lease, record, facts: NEW_WORKSPACE };
  }

  #decided(wait: RunWait, decision: Exclude<RunDecision, { kind: "wait" }>): void {
    if (decision.kind === "reached") return this.#reached(wait);
    if (decision.kind === "node_lost") return this.#replace(decision.failure);
    const { stopFor, failure } = this.#explain(wait, decision);
    if (stopFor !== null) {
      this.#stoppedFor = stopFor;
      return this.#wait("drain", false);
    }
    const cancelled = failure.code === CANCELLED.code;
    this.#end(cancelled ? "cancelled" : "failed", failure);
  }

  /** A session that has started must be stopped first, and may still have ended cleanly. */
  #explain(
    wait: RunWait,
    decision: Extract<RunDecision, { kind: "failed" | "cancelled" | "over_budget" | "overdue" }>,
  ) {
    const failure = decision.kind === "cancelled" ? CANCELLED : decision.failure;
    if (wait === "drain") return { stopFor: null, failure: this.#stoppedFor ?? failure };
    const stopped = decision.kind !== "failed" && (wait === "start" || wait === "work");
    return { stopFor: stopped ? failure : null, failure };
  }

  #reached(wait: RunWait): void {
    const assignment = this.#assignment;
    if (assignment === null) throw new Error("reached a state without a node");
    switch (wait) {
      case "node":
        this.change(
          { kind: "delegate", nodeId: assignment.record.nodeId, workspaceId: assignment.lease.workspaceId },
          this.#actor(),
        );
        return this.#wait("workspace", false);
      case "workspace":
        this.change({ kind: "name_branch", branch: assignment.facts.branch ?? "task/1" }, this.#actor());
        return this.#wait("start", false);
      case "start":
        this.change({ kind: "start" }, this.#actor());
        return this.#wait("work", false);
      case "work":
      case "drain":
        return this.#conclude(assignment.facts.end);
      case "removal":
        return;
      default:
        return assertNever(wait, "wait");
    }
  }

  #replace(failure: Failure): void {
    if (this.#replaced >= MAX_REPLACEMENTS) return this.#end("failed", failure);
    this.#replaced++;
    this.change({ kind: "requeue", reason: failure.message }, this.#actor());
    this.#release();
    this.#enqueue();
  }

  #conclude(end: SessionEnd | null): void {
    if (end === null) throw new Error("the ended session has no end");
    const stoppedFor = this.#stoppedFor ?? getCancelFailure(end, this.task.cancelRequested);
    const { status, failure, output } = concludeRun(end, AGREED, stoppedFor);
    const why = failure ?? { code: status, message: status };
    if (status !== "completed") return this.#end(status, why, output);
    this.change({ kind: "start" }, this.#actor());
    if (output === null) throw new Error("a clean end has an output");
    this.change({ kind: "complete", output }, this.#actor());
    this.#release();
  }

  #end(status: "failed" | "cancelled", failure: Failure, output: TaskRecord["output"] = null): void {
    this.change(
      status === "failed" ? { kind: "fail", failure, output } : { kind: "stop", failure, output },
      this.#actor(),
    );
    this.#release();
  }

  #release(): void {
    if (this.#assignment !== null) this.#earlier.push(this.#assignment);
    this.#assignment = null;
    this.#phase = { at: "over" };
  }

  /** Checks the invariants that hold after every change. */
  #check(before: TaskRecord): void {
    const { task } = this;
    expect(task.version).toBe(before.version + 1);
    const endings = this.moves.filter((move) => move.attempt === task.attempt && isTerminal(move.to));
    expect(endings.length, "[T1] one ending per attempt").toBe(isTerminal(task.status) ? 1 : 0);
    if (task.status === "completed") {
      expect(this.ends.get(task.attempt), "only a clean end completes the task").toBe("clean");
      expect(task.startedAt).not.toBeNull();
    }
    if (task.status === "failed") expect(task.failure?.message ?? "").not.toBe("");
    if (task.status === "cancelled" && before.status !== "draft" && before.status !== "ready")
      expect(this.#cancelled.has(task.attempt) || this.ends.get(task.attempt) === "cancelled").toBe(true);
  }
}

export const USER: TaskActor = { kind: "user", id: "usr_1" as UserId };
