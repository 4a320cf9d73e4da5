/**
 * One life of an agent: its process and its ACP session, from the start until it is gone and all that it said was
 * read. What a session that is taken up again tells of its past is known already and is not taken twice. Keeps T1, M2.
 */
import type { Logger, RunningClock, Timers } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { AgentCapabilities, Failure, HostLaunch } from "@samovar/contracts";
import { TIME_LIMITS } from "@samovar/contracts";
import type { Fields } from "@samovar/domain/acp-update";
import { toFields, readAcpUpdate } from "@samovar/domain/acp-update";
import {
  BACKGROUND_META,
  recordAnswer,
  initialActivity,
  recordNotification,
  recordUpdate,
  getWorkState,
} from "@samovar/domain/turn-activity";
import type { ConfigOptions } from "@samovar/domain/config-options";
import { toConfigRequest, toCapabilities, readConfigOptions } from "@samovar/domain/config-options";
import { countRunningTools } from "@samovar/domain/assembler";
import { readPromptUsage } from "@samovar/domain/usage-tally";
import type { StartPermit } from "@samovar/processes";
import { AcpError } from "./acp-connection.ts";
import type { AcpConnection } from "./acp-connection.ts";
import type { AgentGrant } from "./agent-environment.ts";
import { agentStartOf } from "./agent-environment.ts";
import type { AgentProcess } from "./agent-process.ts";
import { makeChoices } from "./choices.ts";
import type { Death, TurnResult } from "./outcome.ts";
import { decidePermission } from "./permissions.ts";
import type { Recorder } from "./recorder.ts";
import { ACP_VERSION, LINE_MAX_CHARS, StartedAgent } from "./started-agent.ts";

export interface AgentLifePorts {
  readonly launch: HostLaunch;
  readonly grant: AgentGrant;
  /** One that was started before its task was known. */
  readonly standby: StartedAgent | null;
  readonly recorder: Recorder;
  /** Counts only time in which the agent could act: what is held against it is measured here. */
  readonly agentClock: RunningClock;
  readonly timers: Timers;
  /** To start a process, given back when the agent's session is open or the agent is gone; null when nothing is started. */
  readonly permit: StartPermit | null;
  readonly log: Logger;
  onSpawned(pid: number): void;
  onOffers(capabilities: AgentCapabilities): void;
  /** An update after the prompt. */
  onUpdate(): void;
}

/** A session that another life of the agent can take up. */
export interface Thread {
  readonly sessionId: string;
  readonly how: "resume" | "load";
}

const INTERNAL_ERROR = -32603;
const PROBE_MS = 5_000;

export class AgentLife {
  readonly #ports: AgentLifePorts;
  readonly #started: StartedAgent;
  readonly #agent: AgentProcess;
  readonly #acp: AcpConnection;
  #skipped = 0;
  #acpSession: string | null = null;
  #recall: Thread["how"] | null = null;
  #choosables: ConfigOptions = { model: null, mode: null };
  /** While a session is taken up again, what comes is its past. */
  #isPast = false;
  #prompted = false;
  #after = initialActivity;
  #heardAt: number;
  #gone = false;
  #enough = false;
  #wake = () => {};
  #pending: (() => void)[] = [];

  /** Starts the agent's process, unless one stands by. */
  constructor(ports: AgentLifePorts) {
    this.#ports = ports;
    this.#heardAt = ports.agentClock.now();
    this.#started = ports.standby ?? new StartedAgent(agentStartOf(ports.launch), ports.grant);
    this.#agent = this.#started.process;
    this.#acp = this.#started.acp;
    if (this.#agent.pid !== null) ports.onSpawned(this.#agent.pid);
    ports.log.debug("agent.spawned", { agentPid: this.#agent.pid, early: ports.standby !== null });
    this.#started.listen({
      onUpdate: (update) => this.#heard(update),
      onNotification: (method, params) => this.#noted(method, params),
      onRequest: (method, params) => this.#asked(method, params),
      beforeAnswer: () => void ports.recorder.commit(),
      onOtherLine: (line) => ports.log.warn("agent.not_json", { chars: line.length }),
      onRead: (skipped) => this.#read(skipped),
    });
    if (ports.recorder.held) this.hold(true);
  }

  /** When it last said anything, or was asked something; on its clock. */
  get heardAt(): number {
    return this.#heardAt;
  }

  get isPrompted(): boolean {
    return this.#prompted;
  }

  /** The answer is there, and what it left at work is waited for. */
  get isAnswered(): boolean {
    return this.#after.answeredAt !== null;
  }

  get isGone(): boolean {
    return this.#gone;
  }

  /** What another life could take up; null before the prompt, and for an agent that cannot. */
  get thread(): Thread | null {
    const isOpen = this.#prompted && this.#acpSession !== null && this.#recall !== null;
    return isOpen ? { sessionId: this.#acpSession ?? "", how: this.#recall ?? "resume" } : null;
  }

  /** Runs one turn and sees the agent out. `readyMs`: for its start up to the open session. */
  async run(prompt: string, thread: Thread | null, readyMs: number): Promise<TurnResult> {
    const gone = this.#agent.exited.then((exit) => {
      this.#gone = true;
      this.#wake();
      return exit;
    });
    const result = await this.#converse(prompt, thread, readyMs);
    await this.#seeOut();
    const exit = await gone;
    this.#ports.log.debug("agent.exited", { ...exit });
    for (const cancel of this.#pending) cancel();
    if (result !== null && result.kind !== "lost") return result;
    const how: Death = result === null ? { kind: "exit", exit } : { kind: "session_lost", words: result.words };
    return { kind: "died", how, lastWords: this.#agent.lastWords(), remark: null };
  }

  /** Asks the agent to stop; after a while, makes it. */
  stop(): void {
    if (this.#acpSession !== null) this.#acp.notify("session/cancel", { sessionId: this.#acpSession });
    const graceMs = this.#prompted && !this.isAnswered ? TIME_LIMITS.CANCEL_GRACE_MS.ms : 0;
    this.#pending.push(this.#ports.timers.after(graceMs, () => this.kill()));
    this.waitNoMore();
  }

  kill(): void {
    this.#agent.signal("SIGKILL");
  }

  /** What the agent left at work is not waited for any longer; its answer stands. */
  waitNoMore(): void {
    this.#enough = true;
    this.#wake();
  }

  /** Stops or goes on reading what the agent says; a full pipe makes it wait. */
  hold(held: boolean): void {
    this.#agent.hold(held);
    this.#heardAt = this.#ports.agentClock.now();
  }

  /** Null when the agent died over it. */
  async #converse(
    prompt: string,
    thread: Thread | null,
    readyMs: number,
  ): Promise<TurnResult | { readonly kind: "lost"; readonly words: string } | null> {
    const giveUp = this.#ports.agentClock.after(readyMs, () => {
      this.#acp.close(new Error(`the agent was not ready after ${readyMs / 1000} s`));
    });
    try {
      const failure = await this.#open(thread).finally(() => this.#ports.permit?.release());
      giveUp();
      if (failure !== null) return { kind: "unready", failure };
      const { stopReason } = await this.#prompt(prompt);
      if (stopReason === "end_turn" && !(await this.#untilQuiet())) return null;
      return { kind: "answered", stopReason: typeof stopReason === "string" ? stopReason : "unknown" };
    } catch (error) {
      if (error instanceof AcpError) return await this.#refused(error);
      if (this.#agent.pid !== null && !this.#prompted && this.#isAlive())
        return { kind: "unready", failure: { code: "agent_not_ready", message: errorMessage(error) } };
      return null;
    } finally {
      giveUp();
    }
  }

  async #open(thread: Thread | null): Promise<Failure | null> {
    const { launch, log, onOffers } = this.#ports;
    const hello = await this.#started.hello;
    log.debug("agent.initialized");
    const spoken = hello["protocolVersion"];
    if (spoken !== ACP_VERSION)
      throw new AcpError(0, `the agent speaks ACP version ${String(spoken)}, not ${ACP_VERSION}`);
    this.#recall = recallOf(toFields(hello["agentCapabilities"]));
    const session = await this.#openSession(thread);
    log.debug("agent.session_opened");
    const sessionId = thread?.sessionId ?? session["sessionId"];
    if (typeof sessionId !== "string") throw new AcpError(0, "the agent opened no session");
    this.#acpSession = sessionId;
    this.#choosables = readConfigOptions(session);
    onOffers(toCapabilities(this.#choosables));
    const request = (method: string, params: object) => this.#acp.request(method, params);
    const made = await makeChoices(launch, sessionId, this.#choosables, { request, log });
    if (made.ok) this.#choosables = made.value;
    return made.ok ? null : made.error;
  }

  #openSession(thread: Thread | null): Promise<Fields> {
    const place = { cwd: this.#ports.launch.cwd, mcpServers: [], _meta: BACKGROUND_META };
    if (thread === null) return this.#acp.request("session/new", place);
    this.#isPast = true;
    return this.#acp.request(`session/${thread.how}`, { ...place, sessionId: thread.sessionId });
  }

  async #prompt(text: string): Promise<Fields> {
    const { agentClock, recorder, log } = this.#ports;
    log.debug("agent.prompted");
    this.#prompted = true;
    this.#isPast = false;
    this.#heardAt = agentClock.now();
    const answer = await this.#acp.request("session/prompt", {
      sessionId: this.#acpSession,
      prompt: [{ type: "text", text }],
    });
    log.debug("agent.answered");
    recorder.used(readPromptUsage(answer));
    this.#heardAt = agentClock.now();
    this.#after = recordAnswer(this.#after, agentClock.now());
    return answer;
  }

  /** Waits for what outlives the answer. False when the agent died while it was still at work. */
  async #untilQuiet(): Promise<boolean> {
    const { recorder, agentClock, log } = this.#ports;
    let waited = false;
    while (!this.#enough) {
      const outcome = getWorkState(this.#after, countRunningTools(recorder.state), agentClock.now());
      if (outcome.kind === "over") break;
      if (this.#gone) return outcome.kind === "grace";
      if (outcome.kind === "working" && !waited) log.info("agent.works_on");
      waited ||= outcome.kind === "working";
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        if (outcome.kind === "grace") this.#pending.push(agentClock.after(outcome.until - agentClock.now(), resolve));
      });
    }
    return true;
  }

  /** An error that ends the turn is the agent's word, unless it shows that its session is gone. */
  async #refused(error: AcpError): Promise<TurnResult | { readonly kind: "lost"; readonly words: string }> {
    const isSuspect = this.thread !== null && error.code === INTERNAL_ERROR && !this.#enough;
    if (isSuspect && (await this.#hasLostSession())) return { kind: "lost", words: error.message };
    return { kind: "refused", code: error.code, message: error.message };
  }

  /** Sets again what is set already, which only an agent that has its session can do. */
  async #hasLostSession(): Promise<boolean> {
    const { agentClock } = this.#ports;
    const choosable = this.#choosables.mode ?? this.#choosables.model;
    if (choosable === null || choosable.current === null) return false;
    const { method, params } = toConfigRequest(choosable, this.#acpSession ?? "", choosable.current);
    const refused = this.#acp.request(method, params).then(
      () => false,
      (error: unknown) => error instanceof AcpError,
    );
    const tooLate = new Promise<boolean>((resolve) =>
      this.#pending.push(agentClock.after(PROBE_MS, () => resolve(false))),
    );
    return Promise.race([refused, tooLate]);
  }

  /** Updates may follow the answer: read on until the agent has left. */
  async #seeOut(): Promise<void> {
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

  #heard(update: unknown): void {
    const { agentClock, recorder, onUpdate } = this.#ports;
    this.#heardAt = agentClock.now();
    if (this.#isPast) return;
    recorder.update(update);
    if (!this.#prompted) return;
    this.#after = recordUpdate(this.#after, readAcpUpdate(update).kind, agentClock.now());
    onUpdate();
  }

  #noted(method: string, params: Fields): void {
    const now = this.#ports.agentClock.now();
    this.#after = recordNotification(this.#after, method, params, now);
    if (this.isAnswered) this.#heardAt = now;
  }

  #asked(method: string, params: Fields): unknown {
    if (method !== "session/request_permission") return undefined;
    const { launch, log, agentClock } = this.#ports;
    this.#heardAt = agentClock.now();
    const decision = decidePermission(params, [launch.cwd, launch.home], launch.cwd);
    log.info("permission.decided", { outcome: decision.outcome });
    return decision;
  }
}

/** Resuming tells nothing twice, so it is preferred. */
function recallOf(capabilities: Fields): Thread["how"] | null {
  const { resume } = toFields(capabilities["sessionCapabilities"]);
  if (resume !== undefined && resume !== null && resume !== false) return "resume";
  return capabilities["loadSession"] === true ? "load" : null;
}
