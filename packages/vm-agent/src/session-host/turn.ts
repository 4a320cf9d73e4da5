/**
 * The agent's turn in a session: its processes, its time limits, and stopping it. An agent that is lost during its turn is
 * started once more if it can resume its session. Keeps T1, M2 [F39][F40][F47].
 */
import type { Clock } from "@samovar/base";
import { RunningClock } from "@samovar/base";
import type { AgentCapabilities } from "@samovar/contracts";
import { TIME_LIMITS } from "@samovar/contracts";
import { hasOpenTools } from "@samovar/domain/assembler";
import { processTime, type StartGate, type StartPermit } from "@samovar/processes";
import type { AgentSessionPorts, ResumableSession } from "./agent-session.ts";
import { AgentSession } from "./agent-session.ts";
import type { AgentProcess } from "./agent-process.ts";
import type { StopReason, TurnResult } from "./turn-end.ts";
import { describeLoss } from "./turn-end.ts";
import { reapSession } from "./reap.ts";
import { SETUP_MARK } from "./setup-script.ts";
import type { StartedAgent } from "./started-agent.ts";
import { checkTurnLimits } from "./turn-limits.ts";

export interface TurnPorts extends Omit<AgentSessionPorts, "onUpdate" | "agentClock"> {
  readonly clock: Clock;
  /** For a restart of the agent; `permit` is for the first start. */
  readonly starts: StartGate;
  onCapabilities(capabilities: AgentCapabilities): void;
  /** Called for the first update after the prompt. */
  onStarted(): void;
  /** Called when a time limit is reached; the host then stops the agent. */
  onLimit(reason: StopReason): void;
}

type LostTurn = Extract<TurnResult, { kind: "lost" }>;

const RESUME_PROMPT = `You were interrupted: your process ended while you worked on this task, and it was restarted.
Your changes to the files are still there; commands that were running were ended. Check how far you got, and continue the task until it is done.`;

export class Turn {
  readonly #ports: TurnPorts;
  readonly #agentClock: RunningClock;
  #spawned: AgentProcess | null = null;
  readonly #beganAt: number;
  #agent: AgentSession;
  #restarts = 0;
  #started = false;
  readonly #stopped = new AbortController();

  /** Starts the agent's process. */
  constructor(ports: TurnPorts) {
    this.#ports = ports;
    this.#agentClock = new RunningClock(
      ports.clock,
      ports.timers,
      processTime(() => this.#spawned?.getProgramPid() ?? null),
    );
    this.#beganAt = this.#agentClock.now();
    this.#agent = this.#startAgent(ports.standby, ports.permit);
  }

  /** How often the agent was restarted. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Runs the turn. When this resolves, the agent has exited and all its output was read. */
  async run(): Promise<TurnResult> {
    const stopWatching = this.#watch();
    try {
      const first = await this.#agent.run(this.#ports.launch.prompt.text, null, TIME_LIMITS.AGENT_READY_MS.ms);
      const { resumable } = this.#agent;
      return first.kind === "lost" && resumable !== null && !this.#isStopping
        ? await this.#restart(first, resumable)
        : first;
    } finally {
      stopWatching();
    }
  }

  /** Asks the agent to stop, and kills it after a grace period. */
  stop(): void {
    this.#stopped.abort();
    this.#agent.stop();
  }

  kill(): void {
    this.#stopped.abort();
    this.#agent.kill();
  }

  /** Pauses or resumes reading the agent's output. */
  setPaused(paused: boolean): void {
    this.#agent.setPaused(paused);
  }

  async #restart(first: LostTurn, resumable: ResumableSession): Promise<TurnResult> {
    const { recorder, launch, log } = this.#ports;
    log.warn("agent.lost", { loss: first.loss, method: resumable.method });
    // Commands of the lost agent must not run beside the restarted one.
    reapSession(launch.mark, SETUP_MARK);
    await recorder.finish("broken", () => {});
    const { cause, tail } = describeLoss(first);
    await recorder.notice("restart-1", `${cause} It was restarted to continue where it was.${tail}`);
    const permit = await this.#ports.starts.enter({ signal: this.#stopped.signal });
    if (this.#isStopping) {
      permit.release();
      return first;
    }
    this.#restarts += 1;
    this.#agent = this.#startAgent(null, permit);
    const second = await this.#agent.run(RESUME_PROMPT, resumable, TIME_LIMITS.AGENT_RESTART_MS.ms);
    if (second.kind === "lost" && this.#agent.isPrompted)
      return { ...second, remark: "It had been restarted once already." };
    if (this.#agent.isPrompted || second.kind === "answered") return second;
    return { ...first, remark: `After the restart it could not resume its session: ${describeFailure(second)}` };
  }

  get #isStopping(): boolean {
    return this.#stopped.signal.aborted;
  }

  #startAgent(standby: StartedAgent | null, permit: StartPermit | null): AgentSession {
    return new AgentSession({
      ...this.#ports,
      standby,
      permit,
      agentClock: this.#agentClock,
      onSpawned: (agent) => {
        this.#spawned = agent;
        this.#ports.onSpawned(agent);
      },
      onUpdate: () => this.#onUpdate(),
    });
  }

  #onUpdate(): void {
    if (this.#started) return;
    this.#started = true;
    this.#ports.log.debug("agent.responded");
    this.#ports.onStarted();
  }

  #watch(): () => void {
    const { launch, onLimit } = this.#ports;
    let cancel: (() => void) | null = null;
    const check = () => {
      const now = this.#agentClock.now();
      const state = {
        beganAt: this.#beganAt,
        lastActivityAt: this.#agent.lastActivityAt,
        silenceAllowed: this.#isSilenceAllowed(),
      };
      const limit = checkTurnLimits(state, launch, now);
      if (limit.kind === "too_long") return onLimit({ kind: "too_long", afterMs: launch.maxDurationMs });
      if (limit.kind === "silent" && !this.#agent.isAnswered)
        return onLimit({ kind: "silent", afterMs: launch.idleTimeoutMs });
      if (limit.kind === "silent") this.#endBackgroundWork();
      cancel = this.#agentClock.after(limit.kind === "fine" ? limit.checkAt - now : launch.idleTimeoutMs, check);
    };
    check();
    return () => cancel?.();
  }

  /** Silence is expected while a tool runs and during a restart, but not after the answer. */
  #isSilenceAllowed(): boolean {
    const { recorder } = this.#ports;
    if (recorder.isPaused || !this.#agent.isPrompted || this.#agent.isGone) return true;
    return !this.#agent.isAnswered && hasOpenTools(recorder.state);
  }

  #endBackgroundWork(): void {
    const { recorder, launch, log } = this.#ports;
    log.warn("agent.background_stopped");
    const text = `The agent had answered. Its background work sent nothing for ${launch.idleTimeoutMs / 1000} s and was ended.`;
    void recorder.notice("background-silent", text);
    this.#agent.stopWaiting();
  }
}

function describeFailure(result: Exclude<TurnResult, { kind: "answered" }>): string {
  switch (result.kind) {
    case "refused":
      return result.message;
    case "unready":
      return result.failure.message;
    case "lost": {
      const { cause, tail } = describeLoss(result);
      return `${cause}${tail}`;
    }
  }
}
