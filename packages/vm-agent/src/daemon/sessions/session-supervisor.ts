/**
 * Drives one session from its acceptance until its host is gone: takes the step that {@link nextStep} returns, then
 * asks again. Every step may be interrupted and repeated [R5][R21]. Keeps M1, T1.
 */
import type { Clock, Logger, SessionId } from "@samovar/base";
import { findByArguments, isAlive, killMarked, markProcess, processTime } from "@samovar/processes";
import { assertNever, RunningClock, systemTimers } from "@samovar/base";
import type {
  HostCommand,
  HostContainer,
  HostLaunch,
  HostStatus,
  SessionEnd,
  WorkspaceLimits,
} from "@samovar/contracts";
import type { AgentPorts } from "../../agents/prepare-agent.ts";
import { prepareAgent } from "../../agents/prepare-agent.ts";
import { createRuntimeFailure } from "../../runtime/choose-runtime.ts";
import { reapSession } from "../../session-host/reap.ts";
import type { SelfCommand } from "../../startup-snapshot.ts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";
import type { DaemonStore } from "../store/store.ts";
import type { WorkspaceTokens } from "../tokens.ts";
import type { WorkspaceUsers } from "../../users/workspace-users.ts";
import type { WorkspaceCallback } from "../workspaces/callback.ts";
import { ensureSessionDirectory } from "../workspaces/workspace-paths.ts";
import type { HostConnection } from "./host-connection.ts";
import { connectToHost } from "./host-connection.ts";
import { getHostArguments, readHostLogTail, startHost } from "./host-process.ts";
import { HostStart } from "./host-start.ts";
import { MeteringReports } from "./metering-reports.ts";
import { OutboxReports } from "./outbox-reports.ts";
import { createEndWithoutStart, formatPushNotice, createSessionEnd, createUnverifiedEnd } from "./session-end.ts";
import { finishSession } from "./session-finish.ts";
import { writeLaunch } from "./session-launch.ts";
import type { SessionRuntimes } from "./session-runtimes.ts";
import type { HostView, SessionFacts, SessionStep } from "./session-steps.ts";
import { nextStep } from "./session-steps.ts";
import type { StandbyHost, StandbyHosts } from "./standby-hosts.ts";
import { Waiter } from "./waiter.ts";

export interface SupervisorPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly store: DaemonStore;
  readonly tokens: WorkspaceTokens;
  readonly callback: WorkspaceCallback;
  readonly agents: Omit<AgentPorts, "signal" | "logger" | "onDelayed">;
  readonly standby: Pick<StandbyHosts, "claim">;
  readonly node: Pick<HostLaunch, "controlPlaneUrl" | "nodeId" | "epoch">;
  readonly stateDir: string;
  readonly users: Pick<WorkspaceUsers, "find" | "kill">;
  readonly limits: WorkspaceLimits;
  readonly runtimes: Pick<SessionRuntimes, "get" | "removeContainers">;
  readonly finishTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** Aborted when the daemon stops; hosts keep running. */
  readonly stopping: AbortSignal;
}

export class SessionSupervisor {
  /** Settles when the session's host is gone for good, or the daemon stops. */
  readonly done: Promise<void>;
  readonly #id: SessionId;
  readonly #ports: SupervisorPorts;
  readonly #logger: Logger;
  readonly #waiter = new Waiter();
  readonly #reports: OutboxReports;
  readonly #metering: MeteringReports;
  readonly #start: HostStart;
  /** Aborted by a cancel: ends an installation that is no longer needed. */
  readonly #cancelled = new AbortController();
  /** Aborted when the workspace is to be destroyed: ends a push. */
  readonly #destroyed = new AbortController();
  #host: HostView = { is: "unchecked" };
  #connection: HostConnection | null = null;
  #sentToken: string | null = null;
  #lastStatus: HostStatus | null = null;
  /** Counts only time in which the host could run. */
  readonly #hostClock: RunningClock;
  #unansweredSince: number | null = null;
  #cancelSentAt: number | null = null;
  #shutdownSentAt: number | null = null;
  #closeSent = false;

  constructor(id: SessionId, ports: SupervisorPorts) {
    this.#id = id;
    this.#ports = ports;
    this.#logger = ports.logger.with({ session: id });
    this.#reports = new OutboxReports(id, ports);
    this.#metering = new MeteringReports(id, ports);
    this.#start = new HostStart({ store: ports.store, starts: ports.agents.starts, timers: systemTimers });
    const hostTime = processTime(() => this.#session()?.process?.pid ?? null);
    this.#hostClock = new RunningClock(ports.clock, systemTimers, hostTime);
    ports.stopping.addEventListener("abort", () => this.wake(), { once: true });
    this.done = this.#run();
  }

  /** Reads the facts again: a cancel, a token, the workspace or the link may have changed. */
  wake(): void {
    if (this.#session()?.cancelReason != null) this.#cancelled.abort();
    if (this.#workspace()?.state === "destroying") this.#destroyed.abort();
    this.#sendToken();
    this.#waiter.wake();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#ports.stopping.aborted) {
        const facts = this.#facts();
        if (facts === null) return;
        const step = nextStep(facts, this.#ports.clock.now(), this.#ports);
        if (step.do === "stop") return;
        if (step.do === "wait")
          await this.#waiter.wait(step.until === null ? null : step.until - this.#ports.clock.now());
        else await this.#attempt(step, facts);
      }
    } finally {
      this.#reports.stop();
      this.#metering.stop();
      this.#start.release();
      this.#connection?.close();
    }
  }

  /** Retries a step that throws after a second, so that every session ends. */
  async #attempt(step: SessionStep, facts: SessionFacts): Promise<void> {
    try {
      await this.#perform(step, facts);
    } catch (error) {
      if (this.#ports.stopping.aborted || this.#cancelled.signal.aborted) return;
      this.#logger.error("session.step_failed", { step: step.do, error });
      await this.#waiter.wait(1_000);
    }
  }

  async #perform(step: SessionStep, { session, host }: SessionFacts): Promise<void> {
    this.#logger.debug("session.step_taken", { step: step.do });
    switch (step.do) {
      case "end-without-host":
        return this.#endWithoutHost(session, step);
      case "launch":
        return this.#launch(session);
      case "relaunch":
        return this.#relaunch(session);
      case "connect":
        return this.#connect(session);
      case "kill-host":
        return this.#killHost(session, host);
      case "report-started":
        return this.#reportStarted(session);
      case "send-cancel":
        this.#cancelSentAt = this.#hostClock.now();
        return this.#send({ type: "cancel", reason: step.reason });
      case "record-end":
        return this.#recordEnd(host);
      case "finish":
        return this.#finish(session);
      case "send-close":
        this.#closeSent = true;
        return this.#send({ type: "close", notice: session.finish === null ? null : formatPushNotice(session.finish) });
      case "report-end":
        return this.#reportEnd(session, host);
      case "send-shutdown":
        this.#shutdownSentAt = this.#hostClock.now();
        return this.#send({ type: "shutdown" });
      case "finalize":
        return this.#finalize(session);
      case "wait":
      case "stop":
        return;
      default:
        return assertNever(step);
    }
  }

  #send(command: HostCommand): void {
    this.#unansweredSince ??= this.#hostClock.now();
    this.#connection?.send(command);
  }

  #endWithoutHost(session: SessionRow, step: Extract<SessionStep, { do: "end-without-host" }>): void {
    const { id: sessionId, workspaceId } = session;
    const { store } = this.#ports;
    const end = this.#createEndWithoutHost(session, step);
    store.transaction(() => {
      this.#metering.report();
      store.append({ kind: "session.ended", workspaceId, sessionId, end });
      store.setSession(sessionId, { phase: "finalized" });
    });
    this.#logger.warn("session.ended", { outcome: end.outcome, code: end.failure?.code });
  }

  #createEndWithoutHost(
    session: SessionRow,
    { outcome, failure }: Extract<SessionStep, { do: "end-without-host" }>,
  ): SessionEnd {
    const logTail = outcome === "crashed" && this.#workspace() !== null ? readHostLogTail(this.#directory()) : "";
    const message = (logTail === "" ? failure.message : `${failure.message}\n${logTail}`).slice(0, 4000);
    return session.phase === "accepted"
      ? createEndWithoutStart(outcome, { ...failure, message })
      : createUnverifiedEnd(session, outcome, { ...failure, message });
  }

  async #launch(session: SessionRow): Promise<void> {
    const demand = session.args.runtime ?? null;
    const runtime = await this.#ports.runtimes.get(demand);
    if (runtime.kind === "unavailable") {
      const failure = createRuntimeFailure(runtime, demand !== null);
      return this.#endWithoutHost(session, { do: "end-without-host", outcome: "error", failure });
    }
    const { agents, store } = this.#ports;
    const signal = AbortSignal.any([this.#ports.stopping, this.#cancelled.signal]);
    const onDelayed = () => this.#start.reportDelay(session);
    const agent = await prepareAgent(session.args.agent, {
      ...agents,
      // A container is shown the module alone, not a startup snapshot.
      ...(runtime.container === undefined ? {} : { self: toSelf(runtime.container) }),
      logger: this.#logger,
      signal,
      onDelayed,
    });
    if (!agent.ok)
      return this.#endWithoutHost(session, { do: "end-without-host", outcome: "error", failure: agent.error });
    const standby = await this.#start.reportLongWait(session, () =>
      this.#ports.standby.claim(session.workspaceId, session.args.agent, signal),
    );
    if (standby === null) await this.#start.admit(session, signal);
    // Still accepted: the next step is decided again.
    if (signal.aborted) return;
    const mark = standby?.mark ?? session.id;
    const prepared = await writeLaunch(this.#directory(), {
      mark,
      session,
      workspace: this.#existingWorkspace(),
      user: this.#ports.users.find(this.#existingWorkspace().directoryName),
      command: standby?.command ?? agent.value,
      node: this.#ports.node,
      stateDir: this.#ports.stateDir,
      runtime,
      limits: this.#ports.limits,
    });
    if (!prepared.ok) {
      return this.#endWithoutHost(session, { do: "end-without-host", outcome: "error", failure: prepared.error });
    }
    store.transaction(() => store.setSession(session.id, { phase: "launched", mark }));
    return standby === null ? this.#startHost(session) : this.#assign(session, standby);
  }

  /** Recorded first: if this process dies now, the standby host exits without a session and another host is started. */
  #assign(session: SessionRow, standby: StandbyHost): void {
    const change = { launches: session.launches + 1, process: standby.process };
    this.#ports.store.transaction(() => this.#ports.store.setSession(session.id, change));
    standby.assign({ directory: this.#directory() }, () => this.#onHostExit());
    this.#resetHost();
    this.#logger.info("host.assigned", { pid: standby.process.pid });
  }

  /** A cancel skips the start gate, because only a host can end the session. */
  async #relaunch(session: SessionRow): Promise<void> {
    const { stopping } = this.#ports;
    await this.#start.admit(session, AbortSignal.any([stopping, this.#cancelled.signal]));
    if (!stopping.aborted) await this.#startHost(session);
  }

  /** Counts the launch first, so that a daemon that keeps dying here does not start hosts for ever. */
  async #startHost(session: SessionRow): Promise<void> {
    const { store, agents } = this.#ports;
    store.transaction(() => store.setSession(session.id, { launches: session.launches + 1 }));
    const mark = await startHost(this.#directory(), agents.self(), () => this.#onHostExit());
    store.transaction(() => store.setSession(session.id, { process: mark }));
    this.#resetHost();
    this.#logger.info("host.started", { pid: mark.pid, launch: session.launches + 1 });
  }

  #onHostExit(): void {
    this.#start.release();
    if (this.#host.is === "silent") this.#host = { ...this.#host, triedAt: 0 };
    this.#waiter.wake();
  }

  async #connect(session: SessionRow): Promise<void> {
    const { clock } = this.#ports;
    const connection = await connectToHost(
      this.#directory(),
      {
        onStatus: (status) => this.#onStatus(status),
        onAck: () => this.#onAnswer(),
        onClosed: () => this.#onClosed(connection),
      },
      this.#logger,
    );
    const now = clock.now();
    // A host that accepts the connection sends its status: either way an answer is due.
    this.#unansweredSince ??= this.#hostClock.now();
    if (connection === null) {
      const since = this.#host.is === "silent" ? this.#host.since : now;
      this.#host = { is: "silent", since, triedAt: now, process: this.#hostProcess(session) };
      return;
    }
    this.#start.release();
    this.#connection = connection;
    this.#sentToken = null;
    this.#cancelSentAt = null;
    this.#shutdownSentAt = null;
    this.#closeSent = false;
    this.#host = { is: "connected", status: null };
    this.#sendToken();
  }

  /** Searches by command line too: a daemon that was killed while it started the host has not recorded the process. */
  #hostProcess({ id, process }: SessionRow): Extract<HostView, { is: "silent" }>["process"] {
    const found = process ?? findByArguments(...getHostArguments(this.#directory()));
    if (found === null) return "dead";
    if (found === "unknown") return "unknown";
    if (process === null) this.#ports.store.transaction(() => this.#ports.store.setSession(id, { process: found }));
    return isAlive(found) ? "alive" : "dead";
  }

  /** Any frame from the host shows that it runs. */
  #onAnswer(): void {
    this.#unansweredSince = null;
    this.#waiter.wake();
  }

  #onStatus(status: HostStatus): void {
    const session = this.#session();
    if (session === null) return;
    if (this.#host.is === "connected") this.#host = { ...this.#host, status };
    this.#lastStatus = status;
    if (status.startDelayed === true) this.#start.reportDelay(session);
    if (session.process?.pid !== status.pid) {
      this.#ports.store.transaction(() =>
        this.#ports.store.setSession(session.id, { process: markProcess(status.pid) }),
      );
    }
    this.#sendToken();
    this.#reports.consider(status.outbox);
    this.#metering.consider(session.workspaceId, status.metered);
    this.#onAnswer();
  }

  #onClosed(connection: HostConnection | null): void {
    if (connection !== this.#connection) return;
    this.#resetHost();
    this.#waiter.wake();
  }

  #resetHost(): void {
    this.#connection = null;
    this.#unansweredSince = null;
    this.#host = { is: "unchecked" };
  }

  #sendToken(): void {
    const connection = this.#connection;
    const session = this.#session();
    if (connection === null || session === null) return;
    const token = this.#ports.tokens.get(this.#id);
    if (token !== null && token.token !== this.#sentToken) {
      this.#sentToken = token.token;
      connection.send({ type: "token", token: token.token, expiresAt: token.expiresAt });
    } else if (token === null || this.#lastStatus?.needsToken === true) {
      this.#ports.tokens.request(session.workspaceId);
    }
  }

  #killHost(session: SessionRow, host: HostView): void {
    const pid = host.is === "connected" ? host.status?.pid : undefined;
    const mark = pid === undefined ? session.process : markProcess(pid);
    this.#logger.warn("host.killed", { pid: mark?.pid });
    this.#start.release();
    if (mark !== null) killMarked(mark);
    this.#connection?.close();
    this.#resetHost();
  }

  #reportStarted({ id: sessionId, workspaceId }: SessionRow): void {
    const { store } = this.#ports;
    store.transaction(() => {
      store.append({
        kind: "session.started",
        workspaceId,
        sessionId,
        capabilities: this.#lastStatus?.capabilities ?? null,
      });
      store.setSession(sessionId, { startReported: true });
    });
  }

  #recordEnd(host: HostView): void {
    const end = host.is === "connected" ? host.status?.end : null;
    if (end == null) throw new Error("the host has ended without reporting how");
    const { store, clock } = this.#ports;
    store.transaction(() => store.setSession(this.#id, { reportedEnd: { at: clock.now(), end } }));
  }

  async #finish(session: SessionRow): Promise<void> {
    const { store } = this.#ports;
    const outputs = await finishSession(session, this.#existingWorkspace(), {
      ...this.#ports,
      runtime: await this.#ports.runtimes.get(session.args.runtime ?? null),
      controlPlaneUrl: this.#ports.node.controlPlaneUrl,
      destroyed: this.#destroyed.signal,
    });
    store.transaction(() => store.setSession(session.id, { finish: outputs }));
    this.#logger.info("session.finished", {
      branch: outputs.branch,
      commits: outputs.commits.length,
      pushed: outputs.pushed,
    });
  }

  #reportEnd({ id: sessionId, workspaceId, reportedEnd, finish }: SessionRow, host: HostView): void {
    const status = host.is === "connected" ? host.status : null;
    if (status === null || reportedEnd === null) return;
    const { store } = this.#ports;
    store.transaction(() => {
      this.#reports.report(status.outbox);
      this.#metering.report();
      store.append({
        kind: "session.ended",
        workspaceId,
        sessionId,
        end: createSessionEnd(reportedEnd.end, finish, status),
      });
      store.setSession(sessionId, { phase: "ended" });
    });
    this.#logger.info("session.ended", { outcome: reportedEnd.end.outcome, drained: status.drained });
  }

  async #finalize(session: SessionRow): Promise<void> {
    // A killed host could not end its agent's processes.
    const mark = session.mark ?? session.id;
    reapSession(mark);
    const workspace = this.#workspace();
    if (workspace !== null) this.#ports.users.kill(workspace.directoryName);
    await this.#ports.runtimes.removeContainers((each) => each === mark);
    this.#ports.store.transaction(() => this.#ports.store.setSession(session.id, { phase: "finalized" }));
    this.#ports.tokens.remove(session.id, session.workspaceId);
  }

  #facts(): SessionFacts | null {
    const session = this.#session();
    if (session === null) return null;
    return {
      session,
      workspace: this.#workspace(),
      host: this.#host,
      hostNow: this.#hostClock.now(),
      unansweredSince: this.#unansweredSince,
      cancelSentAt: this.#cancelSentAt,
      shutdownSentAt: this.#shutdownSentAt,
      closeSent: this.#closeSent,
    };
  }

  #session(): SessionRow | null {
    return this.#ports.store.session(this.#id);
  }

  #workspace(): WorkspaceRow | null {
    const session = this.#session();
    return session === null ? null : this.#ports.store.workspace(session.workspaceId);
  }

  #existingWorkspace(): WorkspaceRow {
    const workspace = this.#workspace();
    if (workspace === null) throw new Error("the session's workspace does not exist");
    return workspace;
  }

  #directory(): string {
    return ensureSessionDirectory(this.#ports.stateDir, this.#existingWorkspace(), this.#id);
  }
}

const toSelf =
  ({ nodeBinary, module }: Pick<HostContainer, "nodeBinary" | "module">): SelfCommand =>
  () => [nodeBinary, module];
