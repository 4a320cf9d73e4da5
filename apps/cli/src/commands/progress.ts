/**
 * Reports what a followed task waits for: its position in the queue, and the progress of a long step. Reports a line
 * only when it differs from the previous one.
 */
import type { NodeId, Timers } from "@samovar/base";
import type { NodeView, RunStep, TaskEvent, TaskView } from "@samovar/contracts";
import { isTerminal } from "@samovar/domain/task-status";
import { buildTimeline } from "../output/timeline.ts";
import { formatWaiting } from "../output/waiting.ts";

export interface ProgressPorts {
  readonly report: (line: string) => void;
  readonly timers: Timers;
  /** Null when the node cannot be read now. */
  readonly node: (id: NodeId) => Promise<NodeView | null>;
}

/** A step that takes longer is polled, and then again at this interval. */
export const LONG_STEP_MS = 20_000;

export class Progress {
  readonly #ports: ProgressPorts;
  #task: TaskView | null = null;
  #waiting: string | null = null;
  #step: { readonly name: RunStep; readonly startedAt: number } | null = null;
  #lastReport: string | null = null;
  #cancelTimer = () => {};

  constructor(ports: ProgressPorts) {
    this.#ports = ports;
  }

  /** `events`: all so far. */
  update(task: TaskView, events: readonly TaskEvent[]): void {
    this.#task = task;
    this.#reportWaiting(task);
    const last = buildTimeline(events.filter(({ data }) => data["runId"] === task.runId)).at(-1);
    const open = last === undefined || last.finishedAt !== null || isTerminal(task.status) ? null : last;
    if (open?.step === this.#step?.name && open?.startedAt === this.#step?.startedAt) return;
    this.#step = open === null ? null : { name: open.step, startedAt: open.startedAt };
    this.#lastReport = null;
    this.#cancelTimer();
    if (open !== null) this.#schedulePoll();
  }

  stop(): void {
    this.#step = null;
    this.#cancelTimer();
  }

  #reportWaiting({ waiting }: TaskView): void {
    const sentence = waiting === null ? null : formatWaiting(waiting);
    if (sentence !== null && sentence !== this.#waiting) this.#ports.report(sentence);
    this.#waiting = sentence;
  }

  #schedulePoll(): void {
    this.#cancelTimer = this.#ports.timers.after(LONG_STEP_MS, () => void this.#poll());
  }

  async #poll(): Promise<void> {
    const step = this.#step;
    if (step === null || this.#task === null) return;
    const what = await this.#describe(step.name, this.#task.nodeId);
    if (this.#step !== step) return;
    if (what !== null && what !== this.#lastReport) this.#ports.report(what);
    this.#lastReport = what;
    this.#schedulePoll();
  }

  /** Null for steps in which the transcript shows enough. */
  async #describe(step: RunStep, nodeId: NodeId | null): Promise<string | null> {
    if (step === "choose") return "still choosing a node";
    if (step !== "prepare" && step !== "start") return null;
    const node = nodeId === null ? null : await this.#ports.node(nodeId);
    if (node !== null && node.unreachableSince !== null) return `node ${node.name} is unreachable`;
    if (node?.state === "provisioning") {
      const waitsFor = node.runtime?.kind === "preparing" ? node.runtime.reason : null;
      return waitsFor === null
        ? `node ${node.name} is being provisioned`
        : `node ${node.name} is connected, and not ready yet: ${waitsFor}`;
    }
    return step === "prepare" ? "the node is up; cloning the repository" : "installing or starting the agent";
  }
}
