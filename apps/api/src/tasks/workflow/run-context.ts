/**
 * A run's context: its dependencies and state, steps that take effect once, and waits that poll the facts. The engine
 * stores each step's result and recomputes everything else from it on resume, so nothing here may read a clock outside a step.
 */
import { assertNever, errorMessage, redactText } from "@samovar/base";
import type { MessageId, Millis, NodeId, WorkspaceId } from "@samovar/base";
import type { Failure, RunStep, TaskOutput } from "@samovar/contracts";
import { planPoll, MAX_POLLS, getRunWaits, measureWait } from "@samovar/domain/run-waits";
import type { RunObservation } from "@samovar/domain/run-observation";
import type { PreviousPoll, WaitedTime } from "@samovar/domain/run-waits";
import { CANCELLED, decideRun } from "@samovar/domain/task-run";
import type { RunDecision, RunWait } from "@samovar/domain/task-run";
import type { TaskActor, TaskChange, TaskEventDraft, TaskRecord } from "@samovar/domain/task-status";
import type { WorkflowStep } from "cloudflare:workers";
import { getTimeLimits } from "../../config.ts";
import { depsFor } from "../../deps.ts";
import type { Deps } from "../../deps.ts";
import type { Env } from "../../env.ts";
import { getNodeObject } from "../../nodes/durable-object/stub.ts";
import { within } from "../../within.ts";
import { recordAndPublish, tryChange } from "../change.ts";
import { findTask } from "../store.ts";
import type { KeyedEvent } from "../store.ts";
import type { TaskRunParams } from "./params.ts";

/** What is decided once, when a run begins. */
export interface RunStart {
  readonly task: TaskRecord;
  readonly workspaceId: WorkspaceId;
  /** The id of the notice that the run may add to the transcript. */
  readonly noticeId: MessageId;
}

/** How a run ends, and what happens to its workspace; `lost`: it is gone with its node. */
export interface Ending {
  readonly status: "completed" | "failed" | "cancelled";
  readonly failure: Failure | null;
  readonly output: TaskOutput | null;
  readonly workspace: "keep" | "remove" | "lost";
}

/** Thrown between steps: the run ends before its last phase. */
export class RunStopped extends Error {
  override readonly name = "RunStopped";
  readonly ending: Ending;

  constructor(ending: Ending) {
    super(ending.failure?.message ?? ending.status);
    this.ending = ending;
  }
}

export const stopWith = (
  status: "failed" | "cancelled",
  failure: Failure,
  workspace: Ending["workspace"],
): RunStopped => new RunStopped({ status, failure, output: null, workspace });

/** The stop that a failed wait calls for. `workspace`: what happens to the workspace if its node still exists. */
export function stopAfterWait(result: WaitResult, workspace: "keep" | "remove"): RunStopped {
  switch (result.kind) {
    case "cancelled":
      return stopWith("cancelled", CANCELLED, workspace);
    case "overdue":
      return stopWith("failed", result.failure, workspace);
    case "node_lost":
      return stopWith("failed", result.failure, "lost");
    case "failed":
      return stopWith("failed", result.failure, isLost(result) ? "lost" : workspace);
    case "wait":
    case "reached":
      throw new Error(`cannot stop a run after a wait that ended with ${result.kind}`);
    default:
      return assertNever(result, "decision");
  }
}

/** Whether the workspace's node is destroyed, disconnected or no longer observable. */
function isLost({ observation }: WaitResult): boolean {
  if (observation === null || !observation.node.connected) return true;
  return observation.node.state === "destroying" || observation.node.state === "destroyed";
}

/** The task belongs to another run or has ended, so this run may no longer change it. */
export class RunSuperseded extends Error {
  override readonly name = "RunSuperseded";
}

/** Covers an outage of the database or of an object of up to two minutes. */
const STEP = { retries: { limit: 8, delay: 1000, backoff: "exponential" }, timeout: 60_000 } as const;
/** For best-effort steps at the end of a run. */
const ATTEMPT = { retries: { limit: 4, delay: 1000, backoff: "exponential" }, timeout: 20_000 } as const;

const START_DELAYED = {
  code: "start_delayed",
  step: "start" satisfies RunStep,
  message: "The node is busy: a process that this task needs has waited for more than 3 s to start.",
};

/** A node's object that takes longer than this counts as silent. */
const ANSWER_MS = 10_000;

/** The outcome of one poll. `isSilent`: the node's object did not answer. */
export type WaitResult = RunDecision &
  WaitedTime & {
    readonly observation: RunObservation | null;
    readonly isSilent: boolean;
    readonly cancelRequested: boolean;
  };

/** The part of a poll that the next one depends on. */
interface LastPoll extends WaitedTime {
  readonly isSilent: boolean;
  readonly pollBy: Millis | null;
}

const startPolling = (now: Millis): LastPoll => ({ now, waitedMs: 0, isSilent: false, pollBy: null });

interface Pause {
  readonly signalled: boolean;
  readonly plannedMs: number;
}

export class RunContext {
  readonly deps: Deps;
  readonly params: TaskRunParams;
  readonly actor: TaskActor;
  /** Milliseconds. */
  readonly waits: Readonly<Record<RunWait, number>>;
  readonly #step: WorkflowStep;
  #cancelObserved = false;
  /** The run's node. On resume the phases set it again. */
  nodeId: NodeId | null = null;
  /** Nodes that may hold a slot for this run although it does not use them. */
  readonly orphanedSlots: NodeId[] = [];
  /** The node that was sent the command to create the workspace. */
  requestedOn: NodeId | null = null;
  hasPrompted = false;
  /** Whether the agent has responded; only then is the task in progress. */
  hasStarted = false;
  /** Set when the agent did not respond in time: the reason for which the session is stopped. */
  startFailure: Failure | null = null;

  constructor(env: Env, params: TaskRunParams, step: WorkflowStep) {
    this.deps = depsFor(env);
    this.params = params;
    this.actor = { kind: "run", id: params.runId };
    this.waits = getRunWaits(getTimeLimits(this.deps.config));
    this.#step = step;
  }

  /** Retries `work` until it succeeds, then stores its result as JSON; on resume it returns the stored result. */
  async once<T>(name: string, work: () => Promise<T>): Promise<T> {
    const stored = await this.#step.do(name, STEP, async () => JSON.stringify((await work()) ?? null));
    return JSON.parse(stored);
  }

  /** Best effort: returns whether it succeeded. A failure is logged and left to the sweep. */
  async attempt(name: string, work: () => Promise<unknown>): Promise<boolean> {
    return (await this.attemptAt(name, work)) !== null;
  }

  /** Like `attempt`, but returns the time of success, or null. */
  async attemptAt(name: string, work: () => Promise<unknown>): Promise<Millis | null> {
    try {
      return await this.#step.do(name, ATTEMPT, async () => {
        await work();
        return this.deps.clock.now();
      });
    } catch (error) {
      this.deps.logger.error("run.step_abandoned", { ...this.params, step: name, error: errorMessage(error) });
      return null;
    }
  }

  /** A timeline event for the start or end of a step. Each node that is tried has its own `round`. */
  mark(part: RunStep, what: "started" | "finished", round = 1, at?: Millis): KeyedEvent {
    const { runId } = this.params;
    const name = round === 1 ? `${part}: ${what}` : `${part} ${round}: ${what}`;
    return this.event(name, { kind: `step.${what}`, data: { step: part, runId } }, at);
  }

  /** An event recorded once per run, however often its step is repeated. `at`: its time, by default now. */
  event(name: string, draft: TaskEventDraft, at?: Millis): KeyedEvent {
    return { draft, dedupeKey: `${this.params.runId}:${name}`, ...(at === undefined ? {} : { at }) };
  }

  /** Call it inside a step. */
  record(...events: readonly KeyedEvent[]): Promise<void> {
    return recordAndPublish(this.deps, this.params.taskId, events, this.actor);
  }

  /** Call it inside a step: applies the change and its events in one transaction. Returns null, or why it was refused. */
  async apply(change: TaskChange, ...events: readonly KeyedEvent[]): Promise<string | null> {
    const outcome = await tryChange(this.deps, this.params.taskId, change, this.actor, { events });
    return outcome.ok ? null : outcome.refusal.message;
  }

  /** A step with one change. Throws {@link RunSuperseded} when the task is no longer this run's to change. */
  async change(name: string, change: TaskChange, ...events: readonly KeyedEvent[]): Promise<void> {
    const refused = await this.once(name, () => this.apply(change, ...events));
    if (refused !== null) throw new RunSuperseded(refused);
  }

  now(name: string): Promise<Millis> {
    return this.once(name, async () => this.deps.clock.now());
  }

  /**
   * Polls until there is something to do. `name` is unique in the run. `requestedAt`: when the run sent the command whose
   * result it waits for, so that polling before the first signal is useless; null: the result may be there already. The
   * signal of a cancel that was observed earlier is spent, so then too the first poll is immediate. `first`: a poll that an
   * earlier step made.
   */
  async until(
    name: string,
    wait: RunWait,
    workspaceId: WorkspaceId,
    {
      requestedAt = null,
      first = null,
    }: { readonly requestedAt?: Millis | null; readonly first?: WaitResult | null } = {},
  ): Promise<WaitResult> {
    if (first !== null && first.kind !== "wait") return first;
    let silentSince: Millis | null = null;
    let before: PreviousPoll | null = null;
    let last: LastPoll | null = requestedAt === null || this.#cancelObserved ? null : startPolling(requestedAt);
    if (first !== null) {
      silentSince = first.isSilent ? first.now : null;
      last = first;
    }
    for (let polls = 0, unchanged = 0; ; polls++) {
      if (last !== null) {
        const pause: Pause = await this.#pauseBeforeNextPoll(name, wait, { polls, unchanged, last });
        before = { now: last.now, waitedMs: last.waitedMs, plannedMs: pause.plannedMs };
        unchanged = pause.signalled ? 0 : unchanged + 1;
      }
      const [earlier, since]: readonly [PreviousPoll | null, Millis | null] = [before, silentSince];
      const result: WaitResult = await this.once(`${name}: poll ${polls + 1}`, (): Promise<WaitResult> =>
        this.poll(wait, workspaceId, this.nodeId, earlier, since),
      );
      this.#cancelObserved ||= result.cancelRequested;
      if (result.kind !== "wait") return result;
      silentSince = result.isSilent ? (since ?? result.now) : null;
      if (result.isSilent !== (last?.isSilent ?? false)) unchanged = 0;
      last = result;
    }
  }

  async #pauseBeforeNextPoll(
    name: string,
    wait: RunWait,
    { polls, unchanged, last }: { readonly polls: number; readonly unchanged: number; readonly last: LastPoll },
  ): Promise<Pause> {
    const limitMs = this.waits[wait];
    const taken = { polls, unchanged, maxPolls: MAX_POLLS[wait], isSilent: last.isSilent };
    const { sleepMs, waitMs } = planPoll(taken, limitMs, last.now + limitMs - last.waitedMs, last.now);
    if (sleepMs > 0) await this.pause(`${name}: pause ${polls}`, sleepMs);
    const nextMs = last.pollBy === null ? waitMs : Math.min(waitMs, Math.max(1000, last.pollBy - last.now));
    const signalled = waitMs > 0 && (await this.waitForSignal(`${name}: signal ${polls}`, nextMs));
    return { signalled, plannedMs: sleepMs + (waitMs > 0 ? nextMs : 0) };
  }

  /** Returns whether a signal arrived in time. */
  async waitForSignal(name: string, timeoutMs: number): Promise<boolean> {
    try {
      await this.#step.waitForEvent(name, { type: "signal", timeout: timeoutMs });
      return true;
    } catch {
      // No signal: the caller polls anyway.
      return false;
    }
  }

  pause(name: string, ms: number): Promise<void> {
    return this.#step.sleep(name, ms);
  }

  async isCancelRequested(): Promise<boolean> {
    return (await findTask(this.deps.db, this.params.taskId))?.cancelRequested ?? true;
  }

  /** The node's object. */
  node(nodeId: NodeId) {
    return getNodeObject(this.deps.env, nodeId);
  }

  /** Call it inside a step: reads the facts once. `before`, `silentBefore`: what earlier polls of the same wait found. */
  async poll(
    wait: RunWait,
    workspaceId: WorkspaceId,
    nodeId: NodeId | null,
    before: PreviousPoll | null = null,
    silentBefore: Millis | null = null,
  ): Promise<WaitResult> {
    const answer = await this.#observe(workspaceId, nodeId);
    const cancelRequested = await this.isCancelRequested();
    const waited = measureWait(before, this.deps.clock.now());
    const { now } = waited;
    const deadline = now + this.waits[wait] - waited.waitedMs;
    const isSilent = answer === "silent";
    const observation = isSilent ? null : answer;
    const silentSince = isSilent ? (silentBefore ?? now) : null;
    const decision = decideRun(wait, { observation, silentSince, cancelRequested, deadline, now });
    const delayedAt = wait === "start" ? (observation?.session.startDelayedAt ?? null) : null;
    if (delayedAt !== null) await this.#recordDelay(delayedAt);
    // The engine stores what a step returns: no observation while there is only something to wait for.
    const kept = decision.kind === "wait" ? null : observation;
    return { ...decision, ...waited, isSilent, cancelRequested, observation: kept };
  }

  #recordDelay(at: Millis): Promise<void> {
    const data = { ...START_DELAYED, runId: this.params.runId };
    return this.record(this.event("start: delayed", { kind: "warning.raised", data }, at));
  }

  async #observe(workspaceId: WorkspaceId, nodeId: NodeId | null): Promise<RunObservation | "silent" | null> {
    if (nodeId === null) return null;
    try {
      return await within(ANSWER_MS, this.node(nodeId).observe(workspaceId));
    } catch (error) {
      this.deps.logger.warn("run.node_silent", { ...this.params, nodeId, error: errorMessage(error) });
      return "silent";
    }
  }
}

/** The failure of a run that an unexpected error ended. */
export function toInternalFailure(error: unknown): Failure {
  const reason = redactText(error instanceof Error ? error.message : String(error)).slice(0, 500);
  return { code: "internal", message: `The run stopped on an unexpected error: ${reason}. Retry the task.` };
}
