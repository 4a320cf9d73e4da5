/** One turn with the agent, from its start to its end: its process, its ACP session, what stops it. Keeps T1, M2. */
import type { Clock, Logger, Timers } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { HostLaunch } from "@samovar/contracts";
import { toolsAtWork } from "@samovar/domain/assembler";
import type { Fields } from "@samovar/domain/acp-update";
import { fieldsOf } from "@samovar/domain/acp-update";
import { AcpConnection, AcpError } from "./acp-connection.ts";
import type { AgentGrant } from "./agent-environment.ts";
import type { AgentProcess } from "./agent-process.ts";
import { startAgent } from "./agent-process.ts";
import { LineSplitter } from "./line-splitter.ts";
import type { StopReason, TurnResult } from "./outcome.ts";
import { decidePermission } from "./permissions.ts";
import type { Recorder } from "./recorder.ts";
import { watch } from "./watch.ts";

export interface TurnPorts {
  readonly launch: HostLaunch;
  readonly grant: AgentGrant;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Logger;
  onSpawned(pid: number): void;
  /** The first update after the prompt. */
  onStarted(): void;
  /** The host itself decides that the agent must stop: by a limit of time. */
  onLimit(reason: StopReason): void;
}

const PROTOCOL_VERSION = 1;
/** Starting an agent and opening a session. */
const READY_TIMEOUT_MS = 120_000;
/** From the wish to the end of patience, when the agent is cancelled. */
const CANCEL_GRACE_MS = 10_000;
/** For the agent to leave after its turn. */
const LEAVE_GRACE_MS = 2_000;
const LINE_MAX_CHARS = 32 * 1024 * 1024;
const BYPASS_MODE = "bypassPermissions";

export class Turn {
  readonly #ports: TurnPorts;
  readonly #agent: AgentProcess;
  readonly #acp: AcpConnection;
  readonly #lines = new LineSplitter(LINE_MAX_CHARS);
  readonly #beganAt: number;
  #acpSession: string | null = null;
  #prompted = false;
  #started = false;
  #heardAt: number;
  #cancelTimers: (() => void)[] = [];

  /** Starts the agent's process. */
  constructor(ports: TurnPorts) {
    this.#ports = ports;
    this.#beganAt = ports.clock.now();
    this.#heardAt = this.#beganAt;
    this.#agent = startAgent(ports.launch, ports.grant);
    if (this.#agent.pid !== null) ports.onSpawned(this.#agent.pid);
    this.#acp = new AcpConnection((line) => this.#agent.stdin.write(line), {
      onUpdate: (update) => this.#heard(update),
      onRequest: (method, params) => this.#asked(method, params),
      beforeAnswer: () => void ports.recorder.commit(),
    });
    this.#agent.stdout.on("data", (bytes: Buffer) => this.#read(bytes));
  }

  /** Runs the turn, and sees the agent out: when this resolves, it is gone and all that it said was read. */
  async run(): Promise<TurnResult> {
    const gone = this.#agent.exited.then((exit) => {
      this.#acp.close(new Error("the agent is gone"));
      return exit;
    });
    const stopWatching = this.#watch();
    const answer = await this.#converse();
    stopWatching();
    await this.#seeOut();
    const exit = await gone;
    for (const cancel of this.#cancelTimers) cancel();
    return answer ?? { kind: "died", exit, lastWords: this.#agent.lastWords() };
  }

  /** Asks the agent to stop; after a while, makes it. */
  stop(): void {
    if (this.#acpSession !== null) this.#acp.notify("session/cancel", { sessionId: this.#acpSession });
    const graceMs = this.#prompted ? CANCEL_GRACE_MS : 0;
    this.#cancelTimers.push(this.#ports.timers.after(graceMs, () => this.kill()));
  }

  kill(): void {
    this.#agent.signal("SIGKILL");
  }

  /** Stops or goes on reading what the agent says; a full pipe makes it wait. */
  hold(held: boolean): void {
    this.#agent.hold(held);
    this.#heardAt = this.#ports.clock.now();
  }

  /** Null when the agent died over it. */
  async #converse(): Promise<TurnResult | null> {
    const giveUp = this.#ports.timers.after(READY_TIMEOUT_MS, () => {
      this.#acp.close(new Error(`the agent was not ready after ${READY_TIMEOUT_MS / 1000} s`));
    });
    try {
      await this.#open();
      giveUp();
      const { stopReason } = await this.#prompt();
      return { kind: "answered", stopReason: typeof stopReason === "string" ? stopReason : "unknown" };
    } catch (error) {
      if (error instanceof AcpError) return { kind: "refused", code: error.code, message: error.message };
      if (this.#agent.pid !== null && !this.#prompted && this.#isAlive()) return unready(error);
      return null;
    } finally {
      giveUp();
    }
  }

  async #open(): Promise<void> {
    const { launch, log } = this.#ports;
    const hello = await this.#acp.request("initialize", {
      protocolVersion: PROTOCOL_VERSION,
      clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      clientInfo: { name: "samovar", version: "1" },
    });
    if (hello["protocolVersion"] !== PROTOCOL_VERSION)
      throw new AcpError(
        0,
        `the agent speaks ACP version ${String(hello["protocolVersion"])}, not ${PROTOCOL_VERSION}`,
      );
    const session = await this.#acp.request("session/new", { cwd: launch.cwd, mcpServers: [] });
    const { sessionId } = session;
    if (typeof sessionId !== "string") throw new AcpError(0, "the agent opened no session");
    this.#acpSession = sessionId;
    if (!offersBypass(session)) return;
    await this.#acp.request("session/set_mode", { sessionId, modeId: BYPASS_MODE }).catch((error: unknown) => {
      log.warn("agent.mode_refused", { error: errorMessage(error) });
    });
  }

  #prompt(): Promise<Fields> {
    this.#prompted = true;
    this.#heardAt = this.#ports.clock.now();
    return this.#acp.request("session/prompt", {
      sessionId: this.#acpSession,
      prompt: [{ type: "text", text: this.#ports.launch.prompt.text }],
    });
  }

  /** Updates may follow the answer: read on until the agent has left. */
  async #seeOut(): Promise<void> {
    const { timers } = this.#ports;
    this.#agent.stdin.end();
    this.#cancelTimers.push(
      timers.after(LEAVE_GRACE_MS, () => this.#agent.signal("SIGTERM")),
      timers.after(LEAVE_GRACE_MS * 2, () => this.kill()),
    );
    await this.#agent.exited;
    this.kill();
  }

  #isAlive(): boolean {
    return !this.#agent.stdout.readableEnded && !this.#agent.stdout.destroyed;
  }

  #read(bytes: Buffer): void {
    const { recorder, log } = this.#ports;
    const before = this.#lines.skipped;
    for (const line of this.#lines.push(bytes)) {
      if (!this.#acp.receive(line)) log.warn("agent.not_json", { chars: line.length });
    }
    if (this.#lines.skipped > before) {
      void recorder.notice(
        `skipped-${this.#lines.skipped}`,
        `The agent sent a line of more than ${LINE_MAX_CHARS} characters, which was left out.`,
      );
    }
    void recorder.commit();
  }

  #heard(update: unknown): void {
    this.#heardAt = this.#ports.clock.now();
    this.#ports.recorder.update(update);
    if (!this.#prompted || this.#started) return;
    this.#started = true;
    this.#ports.onStarted();
  }

  #asked(method: string, params: Fields): unknown {
    if (method !== "session/request_permission") return undefined;
    const { launch, log } = this.#ports;
    this.#heardAt = this.#ports.clock.now();
    const decision = decidePermission(params, [launch.cwd, launch.home], launch.cwd);
    log.info("permission.decided", { outcome: decision.outcome });
    return decision;
  }

  #watch(): () => void {
    const { launch, clock, timers, recorder, onLimit } = this.#ports;
    let cancel: (() => void) | null = null;
    const look = () => {
      const excused = recorder.held || toolsAtWork(recorder.state) || !this.#prompted;
      const seen = watch({ beganAt: this.#beganAt, heardAt: this.#heardAt, excused }, launch, clock.now());
      if (seen.kind === "silent") onLimit({ kind: "silent", afterMs: launch.idleTimeoutMs });
      else if (seen.kind === "too_long") onLimit({ kind: "too_long", afterMs: launch.maxDurationMs });
      else cancel = timers.after(seen.checkAt - clock.now(), look);
    };
    look();
    return () => cancel?.();
  }
}

function offersBypass(session: Fields): boolean {
  const modes = fieldsOf(session["modes"])["availableModes"];
  return Array.isArray(modes) && modes.some((mode) => fieldsOf(mode)["id"] === BYPASS_MODE);
}

const unready = (error: unknown): TurnResult => ({
  kind: "unready",
  failure: { code: "agent_not_ready", message: errorMessage(error) },
});
