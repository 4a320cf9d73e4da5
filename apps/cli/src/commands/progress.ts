/**
 * What a followed task waits for: why it stands in line, and what goes on in a step that takes long. Quiet: a line
 * is told when it says something else than the one before it.
 */
import type { NodeId, Timers } from "@samovar/base";
import type { NodeView, RunStep, TaskEvent, TaskView } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { timeline } from "../output/timeline.ts";
import { waitingSentence } from "../output/waiting.ts";

export interface ProgressPorts {
  readonly tell: (line: string) => void;
  readonly timers: Timers;
  /** Null when it cannot be told now. */
  readonly node: (id: NodeId) => Promise<NodeView | null>;
}

/** A step that lasts longer is looked into, and again after as long. */
export const LONG_STEP_MS = 20_000;

export class Progress {
  readonly #ports: ProgressPorts;
  #task: TaskView | null = null;
  #waiting: string | null = null;
  #step: { readonly name: RunStep; readonly startedAt: number } | null = null;
  #told: string | null = null;
  #cancelTimer = () => {};

  constructor(ports: ProgressPorts) {
    this.#ports = ports;
  }

  /** `events`: all so far. */
  update(task: TaskView, events: readonly TaskEvent[]): void {
    this.#task = task;
    this.#tellWaiting(task);
    const last = timeline(events.filter(({ data }) => data["runId"] === task.runId)).at(-1);
    const open = last === undefined || last.finishedAt !== null || isTerminal(task.status) ? null : last;
    if (open?.step === this.#step?.name && open?.startedAt === this.#step?.startedAt) return;
    this.#step = open === null ? null : { name: open.step, startedAt: open.startedAt };
    this.#told = null;
    this.#cancelTimer();
    if (open !== null) this.#lookLater();
  }

  stop(): void {
    this.#step = null;
    this.#cancelTimer();
  }

  #tellWaiting({ waiting }: TaskView): void {
    const sentence = waiting === null ? null : waitingSentence(waiting);
    if (sentence !== null && sentence !== this.#waiting) this.#ports.tell(sentence);
    this.#waiting = sentence;
  }

  #lookLater(): void {
    this.#cancelTimer = this.#ports.timers.after(LONG_STEP_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const step = this.#step;
    if (step === null || this.#task === null) return;
    const what = await this.#describe(step.name, this.#task.nodeId);
    if (this.#step !== step) return;
    if (what !== null && what !== this.#told) this.#ports.tell(what);
    this.#told = what;
    this.#lookLater();
  }

  /** Null for steps in which the transcript tells enough. */
  async #describe(step: RunStep, nodeId: NodeId | null): Promise<string | null> {
    if (step === "choose") return "still looking for a machine";
    if (step !== "prepare" && step !== "start") return null;
    const node = nodeId === null ? null : await this.#ports.node(nodeId);
    if (node !== null && node.unreachableSince !== null) return `the machine ${node.name} does not answer`;
    if (node?.state === "provisioning") return `the machine ${node.name} is being made`;
    return step === "prepare"
      ? "the machine is up; the repository is being cloned"
      : "the agent is being installed or started";
  }
}
