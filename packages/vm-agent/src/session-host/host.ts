/** One session's host: agent → recorder → outbox → control plane, and its state for the daemon. Keeps M1, M2, T1. */
import { join } from "node:path";
import type { Clock, IdSource, Logger, Random, Timers } from "@samovar/base";
import { assertNever, errorMessage } from "@samovar/base";
import type {
  AgentCapabilities,
  Failure,
  HostCommand,
  HostEnd,
  HostLaunch,
  HostStatus,
  MeteredUsage,
} from "@samovar/contracts";
import { summarise } from "@samovar/domain/summary";
import type { OutboxSettings, OutboxStore, Salvage, SessionRecord } from "@samovar/outbox";
import { Delivery, httpTransport } from "@samovar/outbox";
import type { StartGate } from "@samovar/processes";
import { openAgentAccess } from "./agent-access.ts";
import type { AgentAccess } from "./agent-access.ts";
import { ControlSocket } from "./control-socket.ts";
import type { StopReason, TurnEnd, TurnResult } from "./turn-end.ts";
import { getTurnEnd } from "./turn-end.ts";
import { Recorder } from "./recorder.ts";
import { prepareRuntime } from "./prepare-runtime.ts";
import { recover } from "./recovery.ts";
import { learnSecrets } from "./learn-secrets.ts";
import { SessionSecrets } from "./session-secrets.ts";
import { runSetupScript } from "./setup-script.ts";
import type { SessionLimits } from "../limits/session-limits.ts";
import { findStartingFile } from "./starting-files.ts";
import { matchesLaunch } from "./standby.ts";
import type { Standby } from "./standby.ts";
import type { StartedAgent } from "./started-agent.ts";
import { RefusalNotices } from "../egress/refusal-notices.ts";
import type { WorkspaceNetwork } from "../runtime/network/workspace-network.ts";
import type { WorkspaceRuntime } from "../runtime/runtime.ts";
import { CurrentToken } from "./current-token.ts";
import { Turn } from "./turn.ts";

export interface HostPorts {
  readonly directory: string;
  readonly launch: HostLaunch;
  readonly standby: Standby | null;
  /** Where the session's programs run. */
  readonly runtime: WorkspaceRuntime;
  /** The network that they share; null without a sandbox or container. */
  readonly network: WorkspaceNetwork | null;
  readonly limits: Pick<SessionLimits, "watch">;
  readonly store: OutboxStore;
  readonly record: SessionRecord;
  /** Set when the session's file was damaged. */
  readonly salvage: Salvage | null;
  readonly settings: OutboxSettings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly ids: IdSource;
  /** The start gate of the agent's process. */
  readonly starts: StartGate;
  readonly log: Logger;
}

const STOPPED = { code: "cancelled", message: "The session was stopped before its agent started." };

export class SessionHost {
  readonly #ports: HostPorts;
  readonly #recorder: Recorder;
  readonly #delivery: Delivery;
  readonly #socket: ControlSocket;
  readonly #tokens: CurrentToken;
  readonly #secrets = new SessionSecrets();
  readonly #done = Promise.withResolvers<void>();
  readonly #stopped = new AbortController();
  #turn: Turn | null = null;
  #stop: StopReason | null = null;
  #phase: HostStatus["phase"] = "starting";
  #startedAt: number | null;
  #startDelayed = false;
  #capabilities: AgentCapabilities | null = null;
  #metered: MeteredUsage;
  #end: HostEnd | null;
  #closed: boolean;
  #isShutDown = false;

  constructor(ports: HostPorts) {
    const { store, launch, log, clock, timers, random, settings } = ports;
    const saved = ports.record.life();
    this.#ports = ports;
    this.#startedAt = saved.startedAt;
    this.#metered = saved.metered;
    this.#end = saved.end;
    this.#closed = saved.closed;
    this.#tokens = new CurrentToken(() => this.#publishStatus());
    this.#recorder = new Recorder({
      ...ports,
      cwd: ports.runtime.seen.checkout ?? launch.cwd,
      secrets: this.#secrets,
      onCommitted: () => this.#onCommitted(),
      onPause: (paused) => this.#turn?.setPaused(paused),
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
      onChange: () => this.#onDelivered(),
    });
    this.#socket = new ControlSocket({
      path: join(ports.directory, "host.sock"),
      timers,
      log,
      status: () => this.#status(),
      onCommand: (command) => this.#command(command),
    });
  }

  /** Resolves when the session has ended, its outbox is drained and the daemon has shut the host down. */
  async run(): Promise<void> {
    const { record, salvage, log } = this.#ports;
    // A damaged file may have lost the record that the agent was started.
    const hasBegun = record.life().beganAt !== null || salvage !== null;
    // Meanwhile the daemon connects and brings the token. A failure is reported where the network is needed.
    if (this.#end === null && !hasBegun) this.#ports.network?.start().catch(() => {});
    await this.#socket.listen();
    if (salvage !== null && !this.#closed)
      await this.#recorder.notice(
        "salvage",
        `The file of unsent messages was damaged; ${salvage.saved} messages were recovered from it.`,
      );
    if (this.#end === null)
      this.#end = hasBegun ? await recover(this.#ports, this.#recorder) : await this.#runSession();
    this.#phase = "ended";
    log.info("session.ended", { outcome: this.#end.outcome, failure: this.#end.failure });
    this.#publishStatus();
    this.#exitIfDone();
    await this.#done.promise;
    this.#delivery.stop();
    await this.#socket.close();
  }

  /** Ends the agent, keeps its messages, and exits without waiting for the shutdown command. */
  stop(): void {
    this.#isShutDown = true;
    this.#requestStop({ kind: "host_stopped" });
    if (this.#phase === "ended") this.#done.resolve();
  }

  async #runSession(): Promise<HostEnd> {
    const { record, runtime, network, log } = this.#ports;
    const watch = this.#watchLimits();
    const { result, access } = await this.#runAgent();
    const reached = watch.stop();
    // An agent that coped with it has done its work.
    if (reached !== null && !isDone(result)) this.#requestStop({ kind: "limit_reached", reached });
    await access?.close();
    // A standby agent that was not used, or not to the end.
    this.#ports.standby?.agent.process.signal("SIGKILL");
    const left = (await runtime.end()) + ((await this.#ports.standby?.runtime.end()) ?? 0);
    if (left > 0) log.warn("agent.processes_killed", { killed: left });
    await network?.close();
    const turnEnd = this.#redactTurnEnd(getTurnEnd(result, this.#stop));
    // Called when all messages are final: the end of a text that might have begun a secret is part of it only then.
    const createEnd = (): HostEnd => ({
      ...turnEnd,
      summary: summarise(this.#recorder.state.lastText),
      usage: this.#recorder.state.usage?.usage ?? null,
      restarts: this.#turn?.restarts ?? 0,
      redactions: this.#recorder.redactions,
    });
    const how = isTurnComplete(result, this.#stop) ? "ended" : "broken";
    await this.#recorder.finish(how, () => record.ended(createEnd()));
    return createEnd();
  }

  #watchLimits(): ReturnType<SessionLimits["watch"]> {
    const { limits, launch, standby, runtime, clock, timers } = this.#ports;
    const tmp = launch.sandbox?.tmp ?? launch.container?.tmp;
    return limits.watch({
      runtimes: standby === null ? [runtime] : [runtime, standby.runtime],
      directories: [launch.cwd, launch.home, ...(tmp === undefined ? [] : [tmp])],
      clock,
      timers,
      onReached: (reached) => {
        this.#requestStop({ kind: "limit_reached", reached });
        // Also what the set-up script left running.
        void runtime.end();
      },
    });
  }

  /** An agent chooses the words of its errors and stop reasons. */
  #redactTurnEnd({ outcome, stopReason, failure }: TurnEnd): TurnEnd {
    const redact = (text: string) => this.#recorder.redact(text);
    return {
      outcome,
      stopReason: stopReason === null ? null : redact(stopReason),
      failure: failure === null ? null : { ...failure, message: redact(failure.message) },
    };
  }

  async #runAgent(): Promise<{ readonly result: TurnResult; readonly access: AgentAccess | null }> {
    const { record, clock, launch, network, timers, log } = this.#ports;
    const { controlPlaneUrl, workspaceId } = launch;
    const unready = await this.#openNetwork();
    if (unready !== null) return { result: { kind: "unready", failure: unready }, access: null };
    const standby = matchesLaunch(this.#ports.standby, launch) ? this.#ports.standby : null;
    const gateway = standby?.gateway ?? null;
    const [tokens, secrets, { signal }] = [this.#tokens, this.#secrets, this.#stopped];
    const [opened] = await Promise.all([
      openAgentAccess({ ...this.#ports, gateway, listen: network?.listen, tokens, secrets, signal }),
      learnSecrets(secrets, { controlPlaneUrl, workspaceId, tokens, timers, log, signal }),
    ]);
    if (opened.kind === "failed") return { result: opened.result, access: null };
    opened.access.gateway?.meter.attach(launch.budget ?? null, {
      onMetered: (metered) => this.#onMetered(metered),
      onLimitReached: (reached) => this.#requestStop({ kind: "over_budget", reached }),
    });
    record.began(clock.now());
    this.#phase = "running";
    this.#publishStatus();
    return { result: await this.#runSetupAndTurn(opened.access, standby?.agent ?? null), access: opened.access };
  }

  /** From now on the workspace's connections are let out as the project's policy says. */
  async #openNetwork(): Promise<Failure | null> {
    const { network, launch } = this.#ports;
    if (network === null) return null;
    try {
      await network.start();
    } catch (error) {
      return {
        code: `${launch.container === null ? "sandbox" : "docker"}_unavailable`,
        message: `The workspace's network could not be created: ${errorMessage(error)}`,
      };
    }
    const notices = new RefusalNotices(this.#recorder);
    const { egress: policy, repositoryHost, controlPlaneUrl } = launch;
    network.use({
      rules: { policy, repositoryHost, controlPlaneHost: new URL(controlPlaneUrl).hostname },
      onRefused: (target, reason) => notices.add(target, reason),
    });
    return null;
  }

  async #runSetupAndTurn(grant: AgentAccess, standby: StartedAgent | null): Promise<TurnResult> {
    const { launch, runtime, record, clock, timers, starts, log } = this.#ports;
    const { signal } = this.#stopped;
    const setup = { launch, runtime, recorder: this.#recorder, clock, timers, log, signal };
    const failure = (await prepareRuntime(setup)) ?? (await runSetupScript(setup));
    const refusal = failure ?? findStartingFile(launch);
    if (refusal !== null) return { kind: "unready", failure: refusal };
    const onDelayed = () => this.#onDelayed();
    const permit = standby === null ? await starts.enter({ signal, onDelayed }) : null;
    if (signal.aborted) {
      permit?.release();
      return { kind: "unready", failure: STOPPED };
    }
    this.#turn = new Turn({
      launch,
      grant,
      runtime,
      standby,
      recorder: this.#recorder,
      clock,
      timers,
      starts,
      permit,
      log,
      onSpawned: ({ pid }) => pid !== null && record.agentSpawned(pid),
      onCapabilities: (capabilities) => this.#onCapabilities(capabilities),
      onStarted: () => this.#onStarted(),
      onLimit: (reason) => this.#requestStop(reason),
    });
    return this.#turn.run();
  }

  #onDelayed(): void {
    this.#startDelayed = true;
    this.#publishStatus();
  }

  /** Stored at once: a host that replaces this one reports it too. */
  #onMetered(metered: MeteredUsage): void {
    this.#metered = metered;
    this.#ports.record.metered(metered);
    this.#publishStatus();
  }

  #onCapabilities(capabilities: AgentCapabilities): void {
    this.#capabilities = capabilities;
    this.#publishStatus();
  }

  #onStarted(): void {
    const now = this.#ports.clock.now();
    this.#startedAt = now;
    this.#ports.record.started(now);
    this.#publishStatus();
  }

  /** The first reason counts. */
  #requestStop(reason: StopReason): void {
    if (this.#stop !== null || this.#phase === "ended") return;
    this.#stop = reason;
    this.#ports.log.info("session.stop_requested", { reason: reason.kind });
    this.#stopped.abort();
    if (reason.kind === "host_stopped" || reason.kind === "limit_reached") this.#turn?.kill();
    else this.#turn?.stop();
  }

  #command(command: HostCommand): void {
    switch (command.type) {
      case "token":
        this.#secrets.add([command.token]);
        if (this.#tokens.put(command.token)) this.#delivery.setToken(command.token);
        break;
      case "cancel":
        this.#requestStop({ kind: "cancelled", reason: command.reason });
        break;
      case "close":
        void this.#close(command.notice);
        break;
      case "shutdown":
        this.#isShutDown = true;
        break;
      default:
        assertNever(command, "command");
    }
    this.#publishStatus();
    this.#exitIfDone();
  }

  /** No message follows this, so that the reported digest is that of the stored transcript. */
  async #close(notice: string | null): Promise<void> {
    if (this.#closed || this.#phase !== "ended") return;
    await this.#recorder.close(notice, () => this.#ports.record.closed());
    this.#closed = true;
    this.#publishStatus();
  }

  #onCommitted(): void {
    this.#delivery.grew();
    this.#publishStatus();
  }

  #onDelivered(): void {
    this.#recorder.resumeIfPossible();
    this.#publishStatus();
    this.#exitIfDone();
  }

  #exitIfDone(): void {
    const isStopped = this.#stop?.kind === "host_stopped";
    if (this.#phase === "ended" && this.#isShutDown && (isStopped || this.#ports.store.isDrained()))
      this.#done.resolve();
  }

  #publishStatus(): void {
    this.#socket.scheduleStatus();
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
      metered: this.#metered,
      digest: store.digest(),
      needsToken: this.#tokens.isReplacementNeeded || this.#delivery.needsToken,
    };
  }
}

const isDone = (result: TurnResult): boolean => result.kind === "answered" && result.stopReason === "end_turn";

/** An agent that has answered, even with an error, has sent all its messages. */
function isTurnComplete(result: TurnResult, stop: StopReason | null): boolean {
  if (result.kind === "refused") return stop === null;
  return result.kind === "answered" && result.stopReason !== "cancelled";
}
