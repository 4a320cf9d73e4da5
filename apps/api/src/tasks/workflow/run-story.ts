/**
 * The means of a run: steps that are done once, waits that look at the facts. What a step answers is stored by the
 * engine; all else is computed again from it when the run is resumed, so nothing here may read a clock outside a step.
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
import { timeLimits } from "../../config.ts";
import { depsFor } from "../../deps.ts";
import type { Deps } from "../../deps.ts";
import type { Env } from "../../env.ts";
import { nodeObject } from "../../nodes/durable-object/stub.ts";
import { within } from "../../within.ts";
import { note, tryChange } from "../change.ts";
import { findTask } from "../store.ts";
import type { KeyedEvent } from "../store.ts";
import type { TaskRunParams } from "./params.ts";

/** What is settled when a run begins. */
export interface RunStart {
  readonly task: TaskRecord;
  readonly workspaceId: WorkspaceId;
  /** Of the notice that a run may leave in the transcript. */
  readonly noticeId: MessageId;
}

/** How a run ends, and what becomes of the workspace: `lost` went away with its node. */
export interface Ending {
  readonly status: "completed" | "failed" | "cancelled";
  readonly failure: Failure | null;
  readonly output: TaskOutput | null;
  readonly workspace: "keep" | "remove" | "lost";
}

/** Thrown between steps: the story is over before its last chapter. */
export class RunStopped extends Error {
  override readonly name = "RunStopped";
  readonly ending: Ending;

  constructor(ending: Ending) {
    super(ending.failure?.message ?? ending.status);
    this.ending = ending;
  }
}

export const stopped = (status: "failed" | "cancelled", failure: Failure, workspace: Ending["workspace"]): RunStopped =>
  new RunStopped({ status, failure, output: null, workspace });

/** `kept`: what becomes of the workspace when its node is still there. */
export function gaveUp(seen: Seen, kept: "keep" | "remove"): RunStopped {
  switch (seen.kind) {
    case "cancelled":
      return stopped("cancelled", CANCELLED, kept);
    case "overdue":
      return stopped("failed", seen.failure, kept);
    case "node_lost":
      return stopped("failed", seen.failure, "lost");
    case "failed":
      return stopped("failed", seen.failure, isLost(seen) ? "lost" : kept);
    case "wait":
    case "reached":
      throw new Error(`a run gave up on ${seen.kind}`);
    default:
      return assertNever(seen, "decision");
  }
}

/** A workspace on a node that is gone, or that was given up as silent. */
function isLost({ observation }: Seen): boolean {
  if (observation === null || !observation.node.connected) return true;
  return observation.node.state === "destroying" || observation.node.state === "destroyed";
}

/** Another run has the task, or it has ended: this run has no say any more. */
export class RunSuperseded extends Error {
  override readonly name = "RunSuperseded";
}

/** Enough for a database or an object that is away for a minute or two. */
const STEP = { retries: { limit: 8, delay: 1000, backoff: "exponential" }, timeout: 60_000 } as const;
/** For what the end of a run can do without. */
const ATTEMPT = { retries: { limit: 4, delay: 1000, backoff: "exponential" }, timeout: 20_000 } as const;

const START_DELAYED = {
  code: "start_delayed",
  step: "start" satisfies RunStep,
  message: "The machine is busy: a process that this task needs has waited more than 3 s for its turn to start.",
};

/** A node's object that does not answer in this time is silent. */
const ANSWER_MS = 10_000;

/** `isSilent`: the node's object did not answer. */
export type Seen = RunDecision &
  WaitedTime & {
    readonly observation: RunObservation | null;
    readonly isSilent: boolean;
    readonly cancelRequested: boolean;
  };

/** What the next look depends on. */
interface LastLook extends WaitedTime {
  readonly isSilent: boolean;
  readonly pollBy: Millis | null;
}

const justAsked = (now: Millis): LastLook => ({ now, waitedMs: 0, isSilent: false, pollBy: null });

interface Rest {
  readonly nudged: boolean;
  readonly plannedMs: number;
}

export class RunStory {
  readonly deps: Deps;
  readonly params: TaskRunParams;
  readonly actor: TaskActor;
  /** Milliseconds. */
  readonly waits: Readonly<Record<RunWait, number>>;
  readonly #step: WorkflowStep;
  #cancelSeen = false;
  /** Where the run is; rebuilt by the story itself when it is resumed. */
  nodeId: NodeId | null = null;
  /** Nodes on which a slot may be held for nothing. */
  readonly strays: NodeId[] = [];
  /** The node that was asked for the workspace. */
  askedOn: NodeId | null = null;
  hasPrompted = false;
  /** Whether the agent has given a sign: only then the task is in progress. */
  hasStarted = false;
  /** Set when the agent gave no sign in time: the session is stopped for it. */
  startFailure: Failure | null = null;

  constructor(env: Env, params: TaskRunParams, step: WorkflowStep) {
    this.deps = depsFor(env);
    this.params = params;
    this.actor = { kind: "run", id: params.runId };
    this.waits = getRunWaits(timeLimits(this.deps.config));
    this.#step = step;
  }

  /** Does it until it has worked, once. The answer is stored as JSON. */
  async once<T>(name: string, work: () => Promise<T>): Promise<T> {
    const stored = await this.#step.do(name, STEP, async () => JSON.stringify((await work()) ?? null));
    return JSON.parse(stored);
  }

  /** Does it if that is possible at all, and says whether it was; what was not is logged, and left to the sweep. */
  async attempt(name: string, work: () => Promise<unknown>): Promise<boolean> {
    return (await this.attemptAt(name, work)) !== null;
  }

  /** As `attempt`, and says when it was done; null when it was not. */
  async attemptAt(name: string, work: () => Promise<unknown>): Promise<Millis | null> {
    try {
      return await this.#step.do(name, ATTEMPT, async () => {
        await work();
        return this.deps.clock.now();
      });
    } catch (error) {
      this.deps.logger.error("run.step_given_up", { ...this.params, step: name, error: errorMessage(error) });
      return null;
    }
  }

  /** The beginning or end of a part of the run, for the timeline. `round`: each node that is tried has its own. */
  mark(part: RunStep, what: "started" | "finished", round = 1, at?: Millis): KeyedEvent {
    const { runId } = this.params;
    const name = round === 1 ? `${part}: ${what}` : `${part} ${round}: ${what}`;
    return this.event(name, { kind: `step.${what}`, data: { step: part, runId } }, at);
  }

  /** An event that is recorded once in this run, however often the step with it is repeated. `at`: when it was, if not now. */
  event(name: string, draft: TaskEventDraft, at?: Millis): KeyedEvent {
    return { draft, dedupeKey: `${this.params.runId}:${name}`, ...(at === undefined ? {} : { at }) };
  }

  /** Inside a step. */
  record(...events: readonly KeyedEvent[]): Promise<void> {
    return note(this.deps, this.params.taskId, events, this.actor);
  }

  /** Inside a step: the change and its events in one transaction. Answers why not, null when it is made. */
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
   * Looks until there is something to do about what it sees. `name` is unique in the story. `askedAt`: when the run asked
   * for what it waits for, so that a look before a nudge would see nothing; null: it may be there already. A cancel that
   * was seen before has had its nudge: then the first look is at once too. `seen`: a first look that an earlier step took.
   */
  async until(
    name: string,
    wait: RunWait,
    workspaceId: WorkspaceId,
    { askedAt = null, seen: first = null }: { readonly askedAt?: Millis | null; readonly seen?: Seen | null } = {},
  ): Promise<Seen> {
    if (first !== null && first.kind !== "wait") return first;
    let silentSince: Millis | null = null;
    let before: PreviousPoll | null = null;
    let last: LastLook | null = askedAt === null || this.#cancelSeen ? null : justAsked(askedAt);
    if (first !== null) {
      silentSince = first.isSilent ? first.now : null;
      last = first;
    }
    for (let looks = 0, quiet = 0; ; looks++) {
      if (last !== null) {
        const rest: Rest = await this.#untilNextLook(name, wait, { looks, quiet, last });
        before = { now: last.now, waitedMs: last.waitedMs, plannedMs: rest.plannedMs };
        quiet = rest.nudged ? 0 : quiet + 1;
      }
      const [earlier, since]: readonly [PreviousPoll | null, Millis | null] = [before, silentSince];
      const seen: Seen = await this.once(`${name}: look ${looks + 1}`, (): Promise<Seen> =>
        this.look(wait, workspaceId, this.nodeId, earlier, since),
      );
      this.#cancelSeen ||= seen.cancelRequested;
      if (seen.kind !== "wait") return seen;
      silentSince = seen.isSilent ? (since ?? seen.now) : null;
      if (seen.isSilent !== (last?.isSilent ?? false)) quiet = 0;
      last = seen;
    }
  }

  async #untilNextLook(
    name: string,
    wait: RunWait,
    { looks, quiet, last }: { readonly looks: number; readonly quiet: number; readonly last: LastLook },
  ): Promise<Rest> {
    const limitMs = this.waits[wait];
    const taken = { polls: looks, unchanged: quiet, maxPolls: MAX_POLLS[wait], isSilent: last.isSilent };
    const { sleepMs, waitMs } = planPoll(taken, limitMs, last.now + limitMs - last.waitedMs, last.now);
    if (sleepMs > 0) await this.pause(`${name}: pause ${looks}`, sleepMs);
    const nextMs = last.pollBy === null ? waitMs : Math.min(waitMs, Math.max(1000, last.pollBy - last.now));
    const nudged = waitMs > 0 && (await this.nudged(`${name}: nudge ${looks}`, nextMs));
    return { nudged, plannedMs: sleepMs + (waitMs > 0 ? nextMs : 0) };
  }

  /** Whether a nudge came within the time. */
  async nudged(name: string, timeoutMs: number): Promise<boolean> {
    try {
      await this.#step.waitForEvent(name, { type: "nudge", timeout: timeoutMs });
      return true;
    } catch {
      // No nudge: time to look anyway.
      return false;
    }
  }

  pause(name: string, ms: number): Promise<void> {
    return this.#step.sleep(name, ms);
  }

  async isCancelRequested(): Promise<boolean> {
    return (await findTask(this.deps.db, this.params.taskId))?.cancelRequested ?? true;
  }

  /** The object of the run's node. */
  node(nodeId: NodeId) {
    return nodeObject(this.deps.env, nodeId);
  }

  /** Inside a step: reads the facts once. `before`, `silentBefore`: what the looks of the same wait have found so far. */
  async look(
    wait: RunWait,
    workspaceId: WorkspaceId,
    nodeId: NodeId | null,
    before: PreviousPoll | null = null,
    silentBefore: Millis | null = null,
  ): Promise<Seen> {
    const answer = await this.#ask(workspaceId, nodeId);
    const cancelRequested = await this.isCancelRequested();
    const waited = measureWait(before, this.deps.clock.now());
    const { now } = waited;
    const deadline = now + this.waits[wait] - waited.waitedMs;
    const isSilent = answer === "silent";
    const observation = isSilent ? null : answer;
    const silentSince = isSilent ? (silentBefore ?? now) : null;
    const decision = decideRun(wait, { observation, silentSince, cancelRequested, deadline, now });
    if (wait === "start" && observation?.session.startDelayedAt != null)
      await this.#noteDelay(observation.session.startDelayedAt);
    // What is only waited for needs no keeping.
    return {
      ...decision,
      ...waited,
      isSilent,
      cancelRequested,
      observation: decision.kind === "wait" ? null : observation,
    };
  }

  #noteDelay(at: Millis): Promise<void> {
    const data = { ...START_DELAYED, runId: this.params.runId };
    return this.record(this.event("start: delayed", { kind: "warning.raised", data }, at));
  }

  async #ask(workspaceId: WorkspaceId, nodeId: NodeId | null): Promise<RunObservation | "silent" | null> {
    if (nodeId === null) return null;
    try {
      return await within(ANSWER_MS, this.node(nodeId).facts(workspaceId));
    } catch (error) {
      this.deps.logger.warn("run.node_silent", { ...this.params, nodeId, error: errorMessage(error) });
      return "silent";
    }
  }
}

/** For what nobody foresaw. */
export function unforeseen(error: unknown): Failure {
  const said = redactText(error instanceof Error ? error.message : String(error)).slice(0, 500);
  return { code: "internal", message: `The run could not go on: ${said}. Try the task again.` };
}
