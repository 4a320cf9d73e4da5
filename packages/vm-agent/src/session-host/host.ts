/** One session's host: agent → recorder → outbox → control plane, and its state for the daemon. Keeps M1, M2, T1. */
import { join } from "node:path";
import type { Clock, IdSource, Logger, Random, Timers } from "@samovar/base";
import { assertNever } from "@samovar/base";
import type { AgentCapabilities, HostCommand, HostEnd, HostLaunch, HostStatus } from "@samovar/contracts";
import { summarise } from "@samovar/domain/summary";
import type { OutboxSettings, OutboxStore, Salvage, SessionRecord } from "@samovar/outbox";
import { Delivery, httpTransport } from "@samovar/outbox";
import type { StartGate } from "@samovar/processes";
import { openAgentAccess } from "./agent-access.ts";
import type { AgentAccess } from "./agent-access.ts";
import { ControlSocket } from "./control-socket.ts";
import type { StopReason, TurnResult } from "./outcome.ts";
import { turnEnd } from "./outcome.ts";
import { reapSession } from "./reap.ts";
import { Recorder } from "./recorder.ts";
import { recover } from "./recovery.ts";
import { runSetupScript } from "./setup-script.ts";
import { fits } from "./standby.ts";
import type { Standby } from "./standby.ts";
import type { StartedAgent } from "./started-agent.ts";
import { TokenBox } from "./token-box.ts";
import { Turn } from "./turn.ts";

export interface HostPorts {
  readonly directory: string;
  readonly launch: HostLaunch;
  readonly standby: Standby | null;
  readonly store: OutboxStore;
  readonly record: SessionRecord;
  /** Set when the session's file was damaged. */
  readonly salvage: Salvage | null;
  readonly settings: OutboxSettings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly ids: IdSource;
  /** Where the agent's process waits for its turn to start. */
  readonly starts: StartGate;
  readonly log: Logger;
}

const STOPPED = { code: "cancelled", message: "The session was stopped before its agent was started." };

export class SessionHost {
  readonly #ports: HostPorts;
  readonly #recorder: Recorder;
  readonly #delivery: Delivery;
  readonly #socket: ControlSocket;
  readonly #tokens: TokenBox;
  readonly #over = Promise.withResolvers<void>();
  readonly #stopped = new AbortController();
  #turn: Turn | null = null;
  #stop: StopReason | null = null;
  #phase: HostStatus["phase"] = "starting";
  #startedAt: number | null;
  #startDelayed = false;
  #capabilities: AgentCapabilities | null = null;
  #end: HostEnd | null;
  #closed: boolean;
  #dismissed = false;

  constructor(ports: HostPorts) {
    const { store, launch, log, clock, timers, random, settings } = ports;
    const life = ports.record.life();
    this.#ports = ports;
    this.#startedAt = life.startedAt;
    this.#end = life.end;
    this.#closed = life.closed;
    this.#tokens = new TokenBox(() => this.#changed());
    this.#recorder = new Recorder({
      ...ports,
      cwd: launch.cwd,
      onCommitted: () => this.#committed(),
      onHold: (held) => this.#turn?.hold(held),
    });
    const transport = httpTransport(launch.controlPlaneUrl, launch.workspaceId);
    this.#delivery = new Delivery({
      store,
      transport,
      settings,
      clock,
      timers,
      random,
      log,
      onChange: () => this.#delivered(),
    });
    this.#socket = new ControlSocket({
      path: join(ports.directory, "host.sock"),
      timers,
      log,
      status: () => this.#status(),
      onCommand: (command) => this.#command(command),
    });
  }

  /** Resolves when the session is over, dismissed and drained. */
  async run(): Promise<void> {
    const { record, salvage, log } = this.#ports;
    await this.#socket.listen();
    if (salvage !== null && !this.#closed)
      await this.#recorder.notice(
        "salvage",
        `The file of unsent messages was damaged; ${salvage.saved} messages were saved from it.`,
      );
    // A damaged file may have forgotten that the agent was started.
    const hasBegun = record.life().beganAt !== null || salvage !== null;
    if (this.#end === null) this.#end = hasBegun ? await recover(this.#ports, this.#recorder) : await this.#work();
    this.#phase = "ended";
    log.info("session.ended", { outcome: this.#end.outcome, failure: this.#end.failure });
    this.#changed();
    this.#leaveIfOver();
    await this.#over.promise;
    this.#delivery.stop();
    await this.#socket.close();
  }

  /** Ends the agent, keeps what it said, and leaves without waiting for the dismissal. */
  stop(): void {
    this.#dismissed = true;
    this.#halt({ kind: "host_stopped" });
    if (this.#phase === "ended") this.#over.resolve();
  }

  async #work(): Promise<HostEnd> {
    const { record, launch, log } = this.#ports;
    const { result, access } = await this.#runAgent();
    await access?.close();
    // One that was not taken up, or not to the end.
    this.#ports.standby?.agent.process.signal("SIGKILL");
    const left = reapSession(launch.mark);
    if (left > 0) log.warn("agent.left_processes", { killed: left });
    const { lastText, usage: tally } = this.#recorder.state;
    const usage = tally?.usage ?? null;
    const restarts = this.#turn?.restarts ?? 0;
    const end: HostEnd = { ...turnEnd(result, this.#stop), summary: summarise(lastText), usage, restarts };
    await this.#recorder.finish(saidAll(result, this.#stop) ? "ended" : "broken", () => record.ended(end));
    return end;
  }

  async #runAgent(): Promise<{ readonly result: TurnResult; readonly access: AgentAccess | null }> {
    const { record, clock, launch } = this.#ports;
    const standby = fits(this.#ports.standby, launch) ? this.#ports.standby : null;
    const gateway = standby?.gateway ?? null;
    const opened = await openAgentAccess({
      ...this.#ports,
      gateway,
      tokens: this.#tokens,
      signal: this.#stopped.signal,
    });
    if (opened.kind === "failed") return { result: opened.result, access: null };
    record.began(clock.now());
    this.#phase = "running";
    this.#changed();
    return { result: await this.#setUpAndTurn(opened.access, standby?.agent ?? null), access: opened.access };
  }

  async #setUpAndTurn(grant: AgentAccess, standby: StartedAgent | null): Promise<TurnResult> {
    const { launch, record, clock, timers, starts, log } = this.#ports;
    const { signal } = this.#stopped;
    const failure = await runSetupScript({ launch, recorder: this.#recorder, clock, timers, log, signal });
    if (failure !== null) return { kind: "unready", failure };
    const onDelayed = () => this.#agentDelayed();
    const permit = standby === null ? await starts.enter({ signal, onDelayed }) : null;
    if (signal.aborted) {
      permit?.release();
      return { kind: "unready", failure: STOPPED };
    }
    this.#turn = new Turn({
      launch,
      grant,
      standby,
      recorder: this.#recorder,
      clock,
      timers,
      starts,
      permit,
      log,
      onSpawned: (pid) => record.agentSpawned(pid),
      onOffers: (capabilities) => this.#agentCapabilities(capabilities),
      onStarted: () => this.#agentStarted(),
      onLimit: (reason) => this.#halt(reason),
    });
    return this.#turn.run();
  }

  #agentDelayed(): void {
    this.#startDelayed = true;
    this.#changed();
  }

  #agentCapabilities(capabilities: AgentCapabilities): void {
    this.#capabilities = capabilities;
    this.#changed();
  }

  #agentStarted(): void {
    const now = this.#ports.clock.now();
    this.#startedAt = now;
    this.#ports.record.started(now);
    this.#changed();
  }

  /** The first reason stands. */
  #halt(reason: StopReason): void {
    if (this.#stop !== null || this.#phase === "ended") return;
    this.#stop = reason;
    this.#ports.log.info("session.stopping", { reason: reason.kind });
    this.#stopped.abort();
    if (reason.kind === "host_stopped") this.#turn?.kill();
    else this.#turn?.stop();
  }

  #command(command: HostCommand): void {
    switch (command.type) {
      case "token":
        if (this.#tokens.put(command.token)) this.#delivery.setToken(command.token);
        break;
      case "cancel":
        this.#halt({ kind: "cancelled", reason: command.reason });
        break;
      case "close":
        void this.#close(command.notice);
        break;
      case "shutdown":
        this.#dismissed = true;
        break;
      default:
        assertNever(command, "command");
    }
    this.#changed();
    this.#leaveIfOver();
  }

  /** Nothing may be said after this, so that the digest that is reported is the one that is stored. */
  async #close(notice: string | null): Promise<void> {
    if (this.#closed || this.#phase !== "ended") return;
    await this.#recorder.close(notice, () => this.#ports.record.closed());
    this.#closed = true;
    this.#changed();
  }

  #committed(): void {
    this.#delivery.grew();
    this.#changed();
  }

  #delivered(): void {
    this.#recorder.relieved();
    this.#changed();
    this.#leaveIfOver();
  }

  #leaveIfOver(): void {
    const isStopped = this.#stop?.kind === "host_stopped";
    if (this.#phase === "ended" && this.#dismissed && (isStopped || this.#ports.store.isDrained()))
      this.#over.resolve();
  }

  #changed(): void {
    this.#socket.changed();
  }

  #status(): HostStatus {
    const { store } = this.#ports;
    return {
      phase: this.#phase,
      pid: process.pid,
      startedAt: this.#startedAt,
      startDelayed: this.#startDelayed,
      capabilities: this.#capabilities,
      end: this.#phase === "ended" ? this.#end : null,
      closed: this.#closed,
      drained: store.isDrained(),
      refusedMs: this.#delivery.refusedMs,
      outbox: store.stats(),
      digest: store.digest(),
      needsToken: this.#tokens.wanted || this.#delivery.needsToken,
    };
  }
}

/** An agent that answers, be it with an error, has said all that it would. */
function saidAll(result: TurnResult, stop: StopReason | null): boolean {
  if (result.kind === "refused") return stop === null;
  return result.kind === "answered" && result.stopReason !== "cancelled";
}
