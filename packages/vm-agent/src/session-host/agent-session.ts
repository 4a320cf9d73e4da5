/**
 * One agent process and its ACP session, from the start until the process has exited and its output was read. When a session
 * is resumed, the history that the agent replays is known already and is not recorded twice. Keeps T1, M2.
 */
import type { Logger, RunningClock, Timers } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { AgentCapabilities, Failure, HostLaunch } from "@samovar/contracts";
import { TIME_LIMITS } from "@samovar/contracts";
import type { Fields } from "@samovar/domain/acp-update";
import { toFields, readAcpUpdate } from "@samovar/domain/acp-update";
import {
  createSessionMeta,
  getWorkState,
  initialActivity,
  recordAnswer,
  recordNotification,
  recordUpdate,
} from "@samovar/domain/turn-activity";
import type { ConfigOptions } from "@samovar/domain/config-options";
import { readConfigOptions, toCapabilities, toConfigRequest } from "@samovar/domain/config-options";
import { countRunningTools } from "@samovar/domain/assembler";
import { readPromptUsage } from "@samovar/domain/usage-tally";
import type { StartPermit } from "@samovar/processes";
import { AcpError } from "./acp-connection.ts";
import type { AcpConnection } from "./acp-connection.ts";
import type { AgentGrant } from "./agent-environment.ts";
import { createAgentStart } from "./agent-environment.ts";
import type { AgentProcess } from "./agent-process.ts";
import type { WorkspaceRuntime } from "../runtime/runtime.ts";
import { applyConfigOptions } from "./config-options.ts";
import type { AgentLoss, TurnResult } from "./turn-end.ts";
import { decidePermission } from "./permissions.ts";
import type { Recorder } from "./recorder.ts";
import { ACP_VERSION, LINE_MAX_CHARS, StartedAgent } from "./started-agent.ts";

export interface AgentSessionPorts {
  readonly launch: HostLaunch;
  readonly grant: AgentGrant;
  readonly runtime: WorkspaceRuntime;
  /** An agent that was started before its task was known. */
  readonly standby: StartedAgent | null;
  readonly recorder: Recorder;
  /** Counts only time in which the agent could run; the agent's time limits are measured on it. */
  readonly agentClock: RunningClock;
  readonly timers: Timers;
  /** The start permit, released when the agent's session is open or the agent is gone; null for a standby agent. */
  readonly permit: StartPermit | null;
  readonly log: Logger;
  onSpawned(agent: AgentProcess): void;
  onCapabilities(capabilities: AgentCapabilities): void;
  /** Called for each update after the prompt. */
  onUpdate(): void;
}

/** An ACP session that a restarted agent can resume. */
export interface ResumableSession {
  readonly sessionId: string;
  readonly method: "resume" | "load";
}

const INTERNAL_ERROR = -32603;
const PROBE_MS = 5_000;

export class AgentSession {
  readonly #ports: AgentSessionPorts;
  readonly #started: StartedAgent;
  readonly #agent: AgentProcess;
  readonly #acp: AcpConnection;
  #skipped = 0;
  #acpSession: string | null = null;
  #resumeMethod: ResumableSession["method"] | null = null;
  #options: ConfigOptions = { model: null, mode: null };
  /** True while the agent replays the history of a resumed session. */
  #isReplaying = false;
  #prompted = false;
  #after = initialActivity;
  #lastActivityAt: number;
  #isGone = false;
  #waitEnded = false;
  #wake = () => {};
  #pending: (() => void)[] = [];

  /** Starts the agent's process, unless there is a standby agent. */
  constructor(ports: AgentSessionPorts) {
    this.#ports = ports;
    this.#lastActivityAt = ports.agentClock.now();
    this.#started =
      ports.standby ?? new StartedAgent(createAgentStart(ports.launch, ports.runtime.seen), ports.grant, ports.runtime);
    this.#agent = this.#started.process;
    this.#acp = this.#started.acp;
    if (this.#agent.pid !== null) ports.onSpawned(this.#agent);
    ports.log.debug("agent.spawned", { agentPid: this.#agent.pid, early: ports.standby !== null });
    this.#started.listen({
      onUpdate: (update) => this.#onUpdate(update),
      onNotification: (method, params) => this.#onNotification(method, params),
      onRequest: (method, params) => this.#onRequest(method, params),
      beforeAnswer: () => void ports.recorder.commit(),
      onOtherLine: (line) => ports.log.warn("agent.line_ignored", { chars: line.length }),
      onRead: (skipped) => this.#read(skipped),
    });
    if (ports.recorder.isPaused) this.setPaused(true);
  }

  /** When the agent last sent something or got a request, on its clock. */
  get lastActivityAt(): number {
    return this.#lastActivityAt;
  }

  get isPrompted(): boolean {
    return this.#prompted;
  }

  /** The agent has answered; only its background work may still run. */
  get isAnswered(): boolean {
    return this.#after.answeredAt !== null;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** The session that a restarted agent could resume; null before the prompt, and for an agent that cannot resume. */
  get resumable(): ResumableSession | null {
    const isOpen = this.#prompted && this.#acpSession !== null && this.#resumeMethod !== null;
    return isOpen ? { sessionId: this.#acpSession ?? "", method: this.#resumeMethod ?? "resume" } : null;
  }

  /** Runs one turn and waits for the agent to exit. `readyMs`: the limit from the start to the open session. */
  async run(prompt: string, resumable: ResumableSession | null, readyMs: number): Promise<TurnResult> {
    const gone = this.#agent.exited.then((exit) => {
      this.#isGone = true;
      this.#wake();
      return exit;
    });
    const result = await this.#runTurn(prompt, resumable, readyMs);
    await this.#waitForExit();
    const exit = await gone;
    this.#ports.log.debug("agent.exited", { ...exit });
    for (const cancel of this.#pending) cancel();
    if (result !== null && result.kind !== "session_lost") return result;
    const loss: AgentLoss = result ?? { kind: "exit", exit };
    const stderrTail = this.#agent.getStderrTail((text) => this.#ports.recorder.redact(text));
    return { kind: "lost", loss, stderrTail, remark: null };
  }

  /** Asks the agent to stop, and kills it after a grace period. */
  stop(): void {
    if (this.#acpSession !== null) this.#acp.notify("session/cancel", { sessionId: this.#acpSession });
    const graceMs = this.#prompted && !this.isAnswered ? TIME_LIMITS.CANCEL_GRACE_MS.ms : 0;
    this.#pending.push(this.#ports.timers.after(graceMs, () => this.kill()));
    this.stopWaiting();
  }

  kill(): void {
    this.#agent.signal("SIGKILL");
  }

  /** Stops waiting for the agent's background work; its answer stands. */
  stopWaiting(): void {
    this.#waitEnded = true;
    this.#wake();
  }

  /** Pauses or resumes reading the agent's output; a full pipe makes the agent wait. */
  setPaused(paused: boolean): void {
    this.#agent.setPaused(paused);
    this.#lastActivityAt = this.#ports.agentClock.now();
  }

  /** Null when the agent's process exited. */
  async #runTurn(
    prompt: string,
    resumable: ResumableSession | null,
    readyMs: number,
  ): Promise<TurnResult | { readonly kind: "session_lost"; readonly message: string } | null> {
    const giveUp = this.#ports.agentClock.after(readyMs, () => {
      this.#acp.close(new Error(`the agent was not ready after ${readyMs / 1000} s`));
    });
    try {
      const failure = await this.#open(resumable).finally(() => this.#ports.permit?.release());
      giveUp();
      if (failure !== null) return { kind: "unready", failure };
      const { stopReason } = await this.#prompt(prompt);
      if (stopReason === "end_turn" && !(await this.#waitForBackgroundWork())) return null;
      return { kind: "answered", stopReason: typeof stopReason === "string" ? stopReason : "unknown" };
    } catch (error) {
      if (error instanceof AcpError) return await this.#classifyError(error);
      if (this.#agent.pid !== null && !this.#prompted && this.#isAlive())
        return { kind: "unready", failure: { code: "agent_not_ready", message: errorMessage(error) } };
      return null;
    } finally {
      giveUp();
    }
  }

  async #open(resumable: ResumableSession | null): Promise<Failure | null> {
    const { launch, log, onCapabilities } = this.#ports;
    const initialized = await this.#started.initialized;
    log.debug("agent.initialized");
    const version = initialized["protocolVersion"];
    if (version !== ACP_VERSION)
      throw new AcpError(0, `the agent uses ACP version ${String(version)}, not ${ACP_VERSION}`);
    this.#resumeMethod = getResumeMethod(toFields(initialized["agentCapabilities"]));
    const session = await this.#openSession(resumable);
    log.debug("agent.session_opened");
    const sessionId = resumable?.sessionId ?? session["sessionId"];
    if (typeof sessionId !== "string") throw new AcpError(0, "the agent opened no session");
    this.#acpSession = sessionId;
    this.#options = readConfigOptions(session);
    onCapabilities(toCapabilities(this.#options));
    const request = (method: string, params: object) => this.#acp.request(method, params);
    const made = await applyConfigOptions(launch, sessionId, this.#options, { request, log });
    if (made.ok) this.#options = made.value;
    return made.ok ? null : made.error;
  }

  #openSession(resumable: ResumableSession | null): Promise<Fields> {
    const { runtime, launch } = this.#ports;
    const params = {
      cwd: runtime.seen.checkout,
      mcpServers: [],
      _meta: createSessionMeta(launch.agent.repositorySettings),
    };
    if (resumable === null) return this.#acp.request("session/new", params);
    this.#isReplaying = true;
    return this.#acp.request(`session/${resumable.method}`, { ...params, sessionId: resumable.sessionId });
  }

  async #prompt(text: string): Promise<Fields> {
    const { agentClock, recorder, log } = this.#ports;
    log.debug("agent.prompted");
    this.#prompted = true;
    this.#isReplaying = false;
    this.#lastActivityAt = agentClock.now();
    const answer = await this.#acp.request("session/prompt", {
      sessionId: this.#acpSession,
      prompt: [{ type: "text", text }],
    });
    log.debug("agent.answered");
    recorder.recordUsage(readPromptUsage(answer));
    this.#lastActivityAt = agentClock.now();
    this.#after = recordAnswer(this.#after, agentClock.now());
    return answer;
  }

  /** Waits for background work after the answer. False when the agent exited while that was still running. */
  async #waitForBackgroundWork(): Promise<boolean> {
    const { recorder, agentClock, log } = this.#ports;
    let waited = false;
    while (!this.#waitEnded) {
      const activity = getWorkState(this.#after, countRunningTools(recorder.state), agentClock.now());
      if (activity.kind === "over") break;
      if (this.#isGone) return activity.kind === "grace";
      if (activity.kind === "working" && !waited) log.info("agent.still_working");
      waited ||= activity.kind === "working";
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (activity.kind === "grace") this.#pending.push(agentClock.after(activity.until - agentClock.now(), resolve));
      });
    }
    return true;
  }

  /** An error ends the turn, unless it shows that the agent has lost its session. */
  async #classifyError(
    error: AcpError,
  ): Promise<TurnResult | { readonly kind: "session_lost"; readonly message: string }> {
    const isSuspect = this.resumable !== null && error.code === INTERNAL_ERROR && !this.#waitEnded;
    if (isSuspect && (await this.#hasLostSession())) return { kind: "session_lost", message: error.message };
    return { kind: "refused", code: error.code, message: error.message };
  }

  /** Sets a config option to its present value, which succeeds only if the agent still has its session. */
  async #hasLostSession(): Promise<boolean> {
    const { agentClock } = this.#ports;
    const option = this.#options.mode ?? this.#options.model;
    if (option === null || option.current === null) return false;
    const { method, params } = toConfigRequest(option, this.#acpSession ?? "", option.current);
    const refused = this.#acp.request(method, params).then(
      () => false,
      (error: unknown) => error instanceof AcpError,
    );
    const tooLate = new Promise<boolean>((resolve) =>
      this.#pending.push(agentClock.after(PROBE_MS, () => resolve(false))),
    );
    return Promise.race([refused, tooLate]);
  }

  /** Updates may follow the answer, so reading continues until the agent has exited. */
  async #waitForExit(): Promise<void> {
    const { agentClock } = this.#ports;
    const leaveMs = TIME_LIMITS.AGENT_EXIT_GRACE_MS.ms;
    this.#agent.stdin.end();
    this.#pending.push(
      agentClock.after(leaveMs / 2, () => this.#agent.signal("SIGTERM")),
      agentClock.after(leaveMs, () => this.kill()),
    );
    await this.#agent.exited;
    this.kill();
  }

  #isAlive(): boolean {
    return !this.#agent.stdout.readableEnded && !this.#agent.stdout.destroyed;
  }

  #read(skipped: number): void {
    const { recorder } = this.#ports;
    if (skipped > this.#skipped) {
      this.#skipped = skipped;
      void recorder.notice(
        `skipped-${skipped}`,
        `The agent sent a line of more than ${LINE_MAX_CHARS} characters, which was left out.`,
      );
    }
    void recorder.commit();
    this.#wake();
  }

  #onUpdate(update: unknown): void {
    const { agentClock, recorder, onUpdate } = this.#ports;
    this.#lastActivityAt = agentClock.now();
    if (this.#isReplaying) return;
    recorder.update(update);
    if (!this.#prompted) return;
    this.#after = recordUpdate(this.#after, readAcpUpdate(update).kind, agentClock.now());
    onUpdate();
  }

  #onNotification(method: string, params: Fields): void {
    const now = this.#ports.agentClock.now();
    this.#after = recordNotification(this.#after, method, params, now);
    if (this.isAnswered) this.#lastActivityAt = now;
  }

  #onRequest(method: string, params: Fields): unknown {
    if (method !== "session/request_permission") return undefined;
    const { launch, runtime, log, agentClock } = this.#ports;
    this.#lastActivityAt = agentClock.now();
    const decision = decidePermission(params, [launch.cwd, launch.home], runtime);
    log.info("permission.decided", { outcome: decision.outcome });
    return decision;
  }
}

/** Resuming is preferred, because it replays no history. */
function getResumeMethod(capabilities: Fields): ResumableSession["method"] | null {
  const { resume } = toFields(capabilities["sessionCapabilities"]);
  if (resume !== undefined && resume !== null && resume !== false) return "resume";
  return capabilities["loadSession"] === true ? "load" : null;
}
