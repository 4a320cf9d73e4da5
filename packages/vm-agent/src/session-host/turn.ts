/**
 * The agent's part of a session: its lives, the clocks over them, and what stops it. An agent that dies within its
 * turn is started once more, where it can take its session up again. Keeps T1, M2 [F39][F40][F47].
 */
import type { Clock } from "@samovar/base";
import { RunningClock } from "@samovar/base";
import type { AgentCapabilities } from "@samovar/contracts";
import { TIME_LIMITS } from "@samovar/contracts";
import { hasOpenTools } from "@samovar/domain/assembler";
import { processTime, type StartGate, type StartPermit } from "@samovar/processes";
import type { AgentLifePorts, Thread } from "./agent-life.ts";
import { AgentLife } from "./agent-life.ts";
import type { StopReason, TurnResult } from "./outcome.ts";
import { deathWords } from "./outcome.ts";
import { reapSession } from "./reap.ts";
import { SETUP_MARK } from "./setup-script.ts";
import type { StartedAgent } from "./started-agent.ts";
import { watch } from "./watch.ts";

export interface TurnPorts extends Omit<AgentLifePorts, "onUpdate" | "agentClock"> {
  readonly clock: Clock;
  /** For an agent that is started once more; `permit` is the first start's. */
  readonly starts: StartGate;
  onOffers(capabilities: AgentCapabilities): void;
  /** The first update after the prompt. */
  onStarted(): void;
  /** The host itself decides that the agent must stop: by a limit of time. */
  onLimit(reason: StopReason): void;
}

type Died = Extract<TurnResult, { kind: "died" }>;

const GO_ON = `You were interrupted: your process ended while you worked on this task, and was started again.
Your changes to the files are still there; commands that were running were ended. See how far you had come, and go on with the task until it is done.`;

export class Turn {
  readonly #ports: TurnPorts;
  readonly #agentClock: RunningClock;
  #agentPid: number | null = null;
  readonly #beganAt: number;
  #life: AgentLife;
  #restarts = 0;
  #started = false;
  readonly #stopped = new AbortController();

  /** Starts the agent's process. */
  constructor(ports: TurnPorts) {
    this.#ports = ports;
    this.#agentClock = new RunningClock(
      ports.clock,
      ports.timers,
      processTime(() => this.#agentPid),
    );
    this.#beganAt = this.#agentClock.now();
    this.#life = this.#begin(ports.standby, ports.permit);
  }

  /** How often the agent was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Runs the turn; when this resolves, the agent is gone and all that it said was read. */
  async run(): Promise<TurnResult> {
    const stopWatching = this.#watch();
    try {
      const first = await this.#life.run(this.#ports.launch.prompt.text, null, TIME_LIMITS.AGENT_READY_MS.ms);
      const { thread } = this.#life;
      return first.kind === "died" && thread !== null && !this.#isStopping ? await this.#again(first, thread) : first;
    } finally {
      stopWatching();
    }
  }

  /** Asks the agent to stop; after a while, makes it. */
  stop(): void {
    this.#stopped.abort();
    this.#life.stop();
  }

  kill(): void {
    this.#stopped.abort();
    this.#life.kill();
  }

  /** Stops or goes on reading what the agent says. */
  hold(held: boolean): void {
    this.#life.hold(held);
  }

  async #again(first: Died, thread: Thread): Promise<TurnResult> {
    const { recorder, launch, log } = this.#ports;
    log.warn("agent.restarting", { how: first.how, recall: thread.how });
    // What it had running must not work on beside it.
    reapSession(launch.mark, SETUP_MARK);
    await recorder.finish("broken", () => {});
    const words = deathWords(first);
    await recorder.notice("restart-1", `${words.how} It was started again, to go on where it was.${words.last}`);
    const permit = await this.#ports.starts.enter({ signal: this.#stopped.signal });
    if (this.#isStopping) {
      permit.release();
      return first;
    }
    this.#restarts += 1;
    this.#life = this.#begin(null, permit);
    const second = await this.#life.run(GO_ON, thread, TIME_LIMITS.AGENT_RESTART_MS.ms);
    if (second.kind === "died" && this.#life.isPrompted)
      return { ...second, remark: "It had been started again once already." };
    if (this.#life.isPrompted || second.kind === "answered") return second;
    return { ...first, remark: `Started again, it could not take up its session: ${whyNot(second)}` };
  }

  get #isStopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  #begin(standby: StartedAgent | null, permit: StartPermit | null): AgentLife {
    return new AgentLife({
      ...this.#ports,
      standby,
      permit,
      agentClock: this.#agentClock,
      onSpawned: (pid) => {
        this.#agentPid = pid;
        this.#ports.onSpawned(pid);
      },
      onUpdate: () => this.#updated(),
    });
  }

  #updated(): void {
    if (this.#started) return;
    this.#started = true;
    this.#ports.log.debug("agent.responded");
    this.#ports.onStarted();
  }

  #watch(): () => void {
    const { launch, onLimit } = this.#ports;
    let cancel: (() => void) | null = null;
    const look = () => {
      const now = this.#agentClock.now();
      const state = { beganAt: this.#beganAt, heardAt: this.#life.heardAt, excused: this.#isExcused() };
      const seen = watch(state, launch, now);
      if (seen.kind === "too_long") return onLimit({ kind: "too_long", afterMs: launch.maxDurationMs });
      if (seen.kind === "silent" && !this.#life.isAnswered)
        return onLimit({ kind: "silent", afterMs: launch.idleTimeoutMs });
      if (seen.kind === "silent") this.#giveUpWaiting();
      cancel = this.#agentClock.after(seen.kind === "fine" ? seen.checkAt - now : launch.idleTimeoutMs, look);
    };
    look();
    return () => cancel?.();
  }

  /** Silence is to be expected while a tool runs, and between two lives; after the answer, nothing excuses it. */
  #isExcused(): boolean {
    const { recorder } = this.#ports;
    if (recorder.held || !this.#life.isPrompted || this.#life.isGone) return true;
    return !this.#life.isAnswered && hasOpenTools(recorder.state);
  }

  #giveUpWaiting(): void {
    const { recorder, launch, log } = this.#ports;
    log.warn("agent.background_silent");
    const text = `The agent had given its answer; what it left running in the background said nothing for ${launch.idleTimeoutMs / 1000} s and was ended.`;
    void recorder.notice("background-silent", text);
    this.#life.waitNoMore();
  }
}

function whyNot(result: Exclude<TurnResult, { kind: "answered" }>): string {
  switch (result.kind) {
    case "refused":
      return result.message;
    case "unready":
      return result.failure.message;
    case "died":
      return `${deathWords(result).how}${deathWords(result).last}`;
  }
}
