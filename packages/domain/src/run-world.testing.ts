/**
 * For tests: one task, its run, its node and its person, made of the pure cores alone, over a clock of its own. The run's
 * steps are those of the workflow; nudges are lost and doubled as the test wishes. Checks T1 after each change.
 */
import type { Millis, NodeId, RunId, SessionId, UserId, WorkspaceId } from "@samovar/base";
import { assertNever } from "@samovar/base";
import { DEFAULT_TIME_LIMITS } from "@samovar/contracts";
import type { Failure, NodeEventDraft, SessionEnd, TaskStatus, TranscriptVerification } from "@samovar/contracts";
import { expect } from "vitest";
import type { NodeEffect, NodeLifeEvent } from "./node-lifecycle.ts";
import { reserveSlot, stepNode } from "./node-lifecycle.ts";
import { foldEvent, NEW_WORKSPACE, runFacts } from "./node-link.ts";
import type { WorkspaceFacts } from "./node-link.ts";
import type { NodeRecord, NodeSettings, SlotLease } from "./node-record.ts";
import { alarmsOf, newNode } from "./node-record.ts";
import { lookPace, MAX_LOOKS, runWaits } from "./run-waits.ts";
import { turnLookMs } from "./task-queue.ts";
import { CANCELLED, concludeRun, decideRun, MAX_REPLACEMENTS, stoppedByPerson } from "./task-run.ts";
import type { RunDecision, RunWait } from "./task-run.ts";
import { changeTask, isTerminal } from "./task-status.ts";
import type { TaskActor, TaskChange, TaskRecord } from "./task-status.ts";

const LIMITS = DEFAULT_TIME_LIMITS;
export const WAITS = runWaits(LIMITS);
const SETTINGS: NodeSettings = {
  slots: 3,
  keptFree: 10,
  idleGraceMs: 1_000,
  warmTimeoutMs: 30 * 60_000,
  maxLifetimeMs: LIMITS.NODE_DRAIN_AFTER_MS,
  hardLifetimeMs: LIMITS.NODE_MAX_LIFETIME_MS,
  bootTimeoutMs: LIMITS.NODE_BOOT_TIMEOUT_MS,
  unreachableTimeoutMs: LIMITS.NODE_UNREACHABLE_TIMEOUT_MS,
};
/** The sweep comes so often; a workflow that is gone is found then. */
const SWEEP_MS = 15 * 60_000;

/** An attempt is over by then, whatever happens or does not. */
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

/** Where a run is: in line, in one of the waits, or gone with its workflow. */
type Chapter =
  | { readonly at: "line"; readonly deadline: Millis; readonly looks: number; readonly nextLook: Millis }
  | {
      readonly at: RunWait;
      readonly deadline: Millis;
      readonly looks: number;
      readonly quiet: number;
      readonly nextLook: Millis;
      readonly deafUntil: Millis;
    }
  | { readonly at: "over" };

interface Placed {
  readonly holder: SlotLease;
  record: NodeRecord;
  told: WorkspaceFacts;
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
  /** Ends that the present attempt's machine has really told, by outcome. */
  readonly ends = new Map<number, SessionEnd["outcome"]>();
  hasRoom = true;
  /** Whether nudges get through. */
  hears = true;
  readonly #cancelled = new Set<number>();
  #runs = 0;
  #placed: Placed | null = null;
  #earlier: Placed[] = [];
  #chapter: Chapter = { at: "over" };
  #stoppedFor: Failure | null = null;
  #replaced = 0;
  #sweptAt: Millis | null = null;

  constructor(task: TaskRecord) {
    this.task = task;
  }

  /** A change, as the store makes it: decided, and written when it was one. */
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

  /** A person runs it, or tries it again. */
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
    this.#leavePlace();
    this.#replaced = 0;
    this.#stoppedFor = null;
    this.#sweptAt = null;
    this.#standInLine();
  }

  /** The workflow is lost; the sweep finds that out. */
  loseRun(): void {
    if (this.#chapter.at === "over" || isTerminal(this.task.status)) return;
    this.#chapter = { at: "over" };
    this.#sweptAt = this.now + SWEEP_MS;
  }

  /** What the machine of the present workspace, or of one that was given up, tells. */
  tell(event: (workspaceId: WorkspaceId, sessionId: SessionId) => NodeEventDraft, whose: "present" | "earlier"): void {
    const placed = whose === "present" ? this.#placed : this.#earlier.at(-1);
    if (placed == null || placed.record.link.kind !== "up") return;
    const { workspaceId, sessionId } = placed.holder;
    const draft = event(workspaceId, sessionId);
    const told = { ...draft, n: 1, at: this.now };
    const other = this.#placed;
    if (whose === "earlier" && other !== null)
      expect(foldEvent(other.told, told, other.holder, this.now), "words of another workspace").toBe(other.told);
    const before = placed.told;
    placed.told = foldEvent(before, told, placed.holder, this.now);
    if (placed.told === before || whose === "earlier") return;
    const { attempt } = this.task;
    if (draft.kind === "session.ended" && !this.ends.has(attempt)) this.ends.set(attempt, draft.end.outcome);
    this.nudge();
  }

  /** What the run waits for now. */
  get at(): Chapter["at"] {
    return this.#chapter.at;
  }

  cancel(user: TaskActor): void {
    if (this.change({ kind: "cancel", reason: "changed my mind" }, user)) this.#cancelled.add(this.task.attempt);
    this.nudge();
  }

  /** A run that is over does once more what it had begun. */
  repeat(change: TaskChange, which: "this" | "earlier"): void {
    if (this.#chapter.at !== "over" && which === "this") return;
    const runId = `run_${which === "this" ? this.#runs : this.#runs - 1}` as RunId;
    const before = this.task;
    // One whose workflow was lost may still end its task, until the sweep has.
    if (which === "this" && !isTerminal(before.status)) return;
    this.change(change, { kind: "run", id: runId });
    expect(this.task, "a run that is over changes nothing").toBe(before);
  }

  node(event: NodeLifeEvent): void {
    if (this.#placed === null) return;
    this.#step(this.#placed, event);
  }

  nudge(): void {
    const chapter = this.#chapter;
    if (!this.hears || chapter.at === "over") return;
    if (chapter.at !== "line" && this.now < chapter.deafUntil) return;
    this.#look(true);
  }

  /** Time goes by: alarms ring when they are due, the run looks when it wants to. */
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
    throw new Error("time does not go on");
  }

  #nextMoment(): { readonly at: Millis; readonly act: () => void } | null {
    const moments: { at: Millis; act: () => void }[] = [];
    const placed = this.#placed;
    if (placed !== null) {
      for (const [name, at] of alarmsOf(placed.record, SETTINGS))
        moments.push({ at, act: () => this.#step(placed, { kind: "alarm", name }) });
    }
    const chapter = this.#chapter;
    if (chapter.at !== "over") moments.push({ at: chapter.nextLook, act: () => this.#look(false) });
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
    this.#leavePlace();
  }

  #step(placed: Placed, event: NodeLifeEvent): void {
    const { record, effects } = stepNode(placed.record, event, this.now, SETTINGS);
    placed.record = record;
    for (const effect of effects) this.#effect(placed, effect);
  }

  /** The provider answers at once here; what it may do instead is the node's own model test's matter. */
  #effect(placed: Placed, effect: NodeEffect): void {
    switch (effect.kind) {
      case "provider.create":
        return this.#step(placed, { kind: "server.made", server: { id: "1", location: null, pricePerHour: null } });
      case "provider.find":
        return this.#step(placed, { kind: "server.absent" });
      case "provider.delete":
        return this.#step(placed, { kind: "server.gone" });
      case "nudge":
        return placed === this.#placed ? this.nudge() : undefined;
      case "room":
        return this.nudge();
      case "node.drain":
      case "link.close":
        return;
      default:
        return assertNever(effect, "effect");
    }
  }

  /* The run, step by step as the workflow takes them. */

  #me(): TaskActor {
    return { kind: "run", id: `run_${this.#runs}` as RunId };
  }

  #standInLine(): void {
    const deadline = this.now + LIMITS.TASK_QUEUE_TIMEOUT_MS;
    this.#chapter = { at: "line", deadline, looks: 0, nextLook: this.now };
  }

  /** `mayBeThere`: else the run has only just asked for it, and waits for a nudge first. */
  #await(at: RunWait, mayBeThere: boolean): void {
    const { now } = this;
    const deadline = now + WAITS[at];
    const taken = { looks: 0, quiet: 0, maxLooks: MAX_LOOKS[at], isSilent: false };
    const nextLook = mayBeThere ? now : now + lookPace(taken, WAITS[at], deadline, now).waitMs;
    this.#chapter = { at, deadline, looks: 0, quiet: 0, nextLook, deafUntil: now };
  }

  #look(nudged: boolean): void {
    const chapter = this.#chapter;
    if (chapter.at === "over") return;
    if (chapter.at === "line") return this.#lookForRoom(chapter);
    const placed = this.#placed;
    const decision = decideRun(chapter.at, {
      sight: placed === null ? null : runFacts(placed.record, placed.holder, placed.told),
      silentSince: null,
      cancelRequested: this.task.cancelRequested,
      deadline: chapter.deadline,
      now: this.now,
    });
    if (decision.kind !== "wait") return this.#decided(chapter.at, decision);
    const looks = chapter.looks + 1;
    expect(looks, "looks of one wait").toBeLessThanOrEqual(MAX_LOOKS[chapter.at] + 1);
    const quiet = nudged ? 0 : chapter.quiet + 1;
    const pace = lookPace(
      { looks, quiet, maxLooks: MAX_LOOKS[chapter.at], isSilent: false },
      WAITS[chapter.at],
      chapter.deadline,
      this.now,
    );
    const deafUntil = this.now + pace.sleepMs;
    const byPace = deafUntil + pace.waitMs;
    const nextLook = decision.lookBy === null ? byPace : Math.max(deafUntil, Math.min(byPace, decision.lookBy));
    this.#chapter = { ...chapter, looks, quiet, deafUntil, nextLook: Math.max(nextLook, this.now + 1) };
  }

  #lookForRoom(chapter: Extract<Chapter, { at: "line" }>): void {
    if (this.task.cancelRequested) return this.#end("cancelled", CANCELLED);
    if (this.hasRoom) {
      this.#place();
      return this.#await("node", true);
    }
    if (this.now >= chapter.deadline) return this.#end("failed", { code: "no_room", message: "Nothing became free." });
    const nextLook = this.now + Math.max(1, turnLookMs(chapter.looks + 1, chapter.deadline, this.now));
    this.#chapter = { ...chapter, looks: chapter.looks + 1, nextLook };
  }

  #place(): void {
    const run = this.#runs * 10 + this.#replaced;
    const holder: SlotLease = {
      workspaceId: `wsp_${run}` as WorkspaceId,
      taskId: this.task.id,
      runId: `run_${this.#runs}` as RunId,
      projectId: this.task.projectId,
      sessionId: this.task.sessionId,
    };
    const record = newNode(`nod_${run}` as NodeId, holder, this.now, SETTINGS);
    const { reply } = reserveSlot(record, holder, this.now, SETTINGS);
    expect(reply.granted).toBe(true);
    this.#placed = { holder, record, told: NEW_WORKSPACE };
  }

  #decided(wait: RunWait, decision: Exclude<RunDecision, { kind: "wait" }>): void {
    if (decision.kind === "reached") return this.#reached(wait);
    if (decision.kind === "node_lost") return this.#replace(decision.failure);
    const { stopFor, failure } = this.#why(wait, decision);
    if (stopFor !== null) {
      this.#stoppedFor = stopFor;
      return this.#await("drain", false);
    }
    const cancelled = failure.code === CANCELLED.code;
    this.#end(cancelled ? "cancelled" : "failed", failure);
  }

  /** A session that began must be stopped first, and may still have ended well. */
  #why(wait: RunWait, decision: Extract<RunDecision, { kind: "failed" | "cancelled" | "overdue" }>) {
    const failure = decision.kind === "cancelled" ? CANCELLED : decision.failure;
    if (wait === "drain") return { stopFor: null, failure: this.#stoppedFor ?? failure };
    const stopped = decision.kind !== "failed" && (wait === "start" || wait === "work");
    return { stopFor: stopped ? failure : null, failure };
  }

  #reached(wait: RunWait): void {
    const placed = this.#placed;
    if (placed === null) throw new Error("reached something on no node");
    switch (wait) {
      case "node":
        this.change(
          { kind: "delegate", nodeId: placed.record.nodeId, workspaceId: placed.holder.workspaceId },
          this.#me(),
        );
        return this.#await("workspace", false);
      case "workspace":
        this.change({ kind: "name_branch", branch: placed.told.branch ?? "task/1" }, this.#me());
        return this.#await("start", false);
      case "start":
        this.change({ kind: "start" }, this.#me());
        return this.#await("work", false);
      case "work":
      case "drain":
        return this.#conclude(placed.told.end);
      case "removal":
        return;
      default:
        return assertNever(wait, "wait");
    }
  }

  #replace(failure: Failure): void {
    if (this.#replaced >= MAX_REPLACEMENTS) return this.#end("failed", failure);
    this.#replaced++;
    this.change({ kind: "requeue", reason: failure.message }, this.#me());
    this.#leavePlace();
    this.#standInLine();
  }

  #conclude(end: SessionEnd | null): void {
    if (end === null) throw new Error("a session that has ended has no end");
    const stoppedFor = this.#stoppedFor ?? stoppedByPerson(end, this.task.cancelRequested);
    const { status, failure, output } = concludeRun(end, AGREED, stoppedFor);
    const why = failure ?? { code: status, message: status };
    if (status !== "completed") return this.#end(status, why, output);
    this.change({ kind: "start" }, this.#me());
    if (output === null) throw new Error("a clean end has an output");
    this.change({ kind: "complete", output }, this.#me());
    this.#leavePlace();
  }

  #end(status: "failed" | "cancelled", failure: Failure, output: TaskRecord["output"] = null): void {
    this.change(
      status === "failed" ? { kind: "fail", failure, output } : { kind: "stop", failure, output },
      this.#me(),
    );
    this.#leavePlace();
  }

  #leavePlace(): void {
    if (this.#placed !== null) this.#earlier.push(this.#placed);
    this.#placed = null;
    this.#chapter = { at: "over" };
  }

  /** What holds after every change. */
  #check(before: TaskRecord): void {
    const { task } = this;
    expect(task.version).toBe(before.version + 1);
    const endings = this.moves.filter((move) => move.attempt === task.attempt && isTerminal(move.to));
    expect(endings.length, "[T1] one ending an attempt").toBe(isTerminal(task.status) ? 1 : 0);
    if (task.status === "completed") {
      expect(this.ends.get(task.attempt), "only a clean end is success").toBe("clean");
      expect(task.startedAt).not.toBeNull();
    }
    if (task.status === "failed") expect(task.failure?.message ?? "").not.toBe("");
    if (task.status === "cancelled" && before.status !== "draft" && before.status !== "ready")
      expect(this.#cancelled.has(task.attempt) || this.ends.get(task.attempt) === "cancelled").toBe(true);
  }
}

export const USER: TaskActor = { kind: "user", id: "usr_1" as UserId };
