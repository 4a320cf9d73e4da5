/**
 * Sees one session through, from its acceptance to the last breath of its host: asks {@link nextStep}, does it,
 * looks again. Every step may be cut off and done again [R5][R21]. Keeps M1, T1.
 */
import type { Clock, Logger, SessionId } from "@samovar/base";
import { findByArguments, isAlive, killMarked, markProcess, processTime } from "@samovar/processes";
import { assertNever, RunningClock, systemTimers } from "@samovar/base";
import type { HostCommand, HostLaunch, HostStatus, SessionEnd } from "@samovar/contracts";
import type { AgentPorts } from "../../agents/registry.ts";
import { prepareAgent } from "../../agents/registry.ts";
import { reapSession } from "../../session-host/reap.ts";
import type { SessionRow, WorkspaceRow } from "../store/rows.ts";
import type { DaemonStore } from "../store/store.ts";
import type { WorkspaceTokens } from "../tokens.ts";
import type { WorkspaceCallback } from "../workspaces/callback.ts";
import { sessionDirectory } from "../workspaces/places.ts";
import type { HostConnection } from "./host-connection.ts";
import { connectToHost } from "./host-connection.ts";
import { hostArguments, hostLastWords, startHost } from "./host-process.ts";
import { HostStart } from "./host-start.ts";
import { OutboxReports } from "./outbox-reports.ts";
import { neverBegunEnd, pushNotice, sessionEndOf, unprovenEnd } from "./session-end.ts";
import { finishSession } from "./session-finish.ts";
import { writeLaunch } from "./session-launch.ts";
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
  readonly finishTimeoutMs: number;
  readonly drainTimeoutMs: number;
  /** The daemon is leaving; hosts stay. */
  readonly stopping: AbortSignal;
}

export class SessionSupervisor {
  /** Settles when the session's host is gone for good, or the daemon leaves. */
  readonly done: Promise<void>;
  readonly #id: SessionId;
  readonly #ports: SupervisorPorts;
  readonly #logger: Logger;
  readonly #waiter = new Waiter();
  readonly #reports: OutboxReports;
  readonly #start: HostStart;
  /** Aborted by a cancel: ends an installation that nobody waits for any more. */
  readonly #cancelled = new AbortController();
  /** Aborted when the workspace is to go: ends a push. */
  readonly #destroyed = new AbortController();
  #host: HostView = { is: "unseen" };
  #connection: HostConnection | null = null;
  #sentToken: string | null = null;
  #lastStatus: HostStatus | null = null;
  /** Counts only the time in which the host could have acted. */
  readonly #hostClock: RunningClock;
  #unansweredSince: number | null = null;
  #cancelSentAt: number | null = null;
  #dismissSentAt: number | null = null;
  #closeSent = false;

  constructor(id: SessionId, ports: SupervisorPorts) {
    this.#id = id;
    this.#ports = ports;
    this.#logger = ports.logger.with({ session: id });
    this.#reports = new OutboxReports(id, ports);
    this.#start = new HostStart({ store: ports.store, starts: ports.agents.starts, timers: systemTimers });
    const hostTime = processTime(() => this.#session()?.process?.pid ?? null);
    this.#hostClock = new RunningClock(ports.clock, systemTimers, hostTime);
    ports.stopping.addEventListener("abort", () => this.poke(), { once: true });
    this.done = this.#run();
  }

  /** Something that counts may have changed: a cancel, a token, the workspace, the link. */
  poke(): void {
    if (this.#session()?.cancelReason != null) this.#cancelled.abort();
    if (this.#workspace()?.state === "destroying") this.#destroyed.abort();
    this.#bringToken();
    this.#waiter.poke();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#ports.stopping.aborted) {
        const facts = this.#facts();
        if (facts === null) return;
        const step = nextStep(facts, this.#ports.clock.now(), this.#ports);
        if (step.do === "rest") return;
        if (step.do === "wait")
          await this.#waiter.wait(step.until === null ? null : step.until - this.#ports.clock.now());
        else await this.#attempt(step, facts);
      }
    } finally {
      this.#reports.stop();
      this.#start.over();
      this.#connection?.close();
    }
  }

  /** A step that throws is tried again after a while: nothing may leave a session without an end. */
  async #attempt(step: SessionStep, facts: SessionFacts): Promise<void> {
    try {
      await this.#take(step, facts);
    } catch (error) {
      if (this.#ports.stopping.aborted || this.#cancelled.signal.aborted) return;
      this.#logger.error("session.step_failed", { step: step.do, error });
      await this.#waiter.wait(1_000);
    }
  }

  async #take(step: SessionStep, { session, host }: SessionFacts): Promise<void> {
    this.#logger.debug("session.step", { step: step.do });
    switch (step.do) {
      case "end-unheard":
        return this.#endUnheard(session, step);
      case "launch":
        return this.#launch(session);
      case "relaunch":
        return this.#relaunch(session);
      case "look":
        return this.#look(session);
      case "kill-host":
        return this.#killHost(session, host);
      case "tell-started":
        return this.#tellStarted(session);
      case "send-cancel":
        this.#cancelSentAt = this.#hostClock.now();
        return this.#send({ type: "cancel", reason: step.reason });
      case "note-end":
        return this.#noteEnd(host);
      case "finish":
        return this.#finish(session);
      case "send-close":
        this.#closeSent = true;
        return this.#send({ type: "close", notice: session.finish === null ? null : pushNotice(session.finish) });
      case "tell-end":
        return this.#tellEnd(session, host);
      case "send-dismiss":
        this.#dismissSentAt = this.#hostClock.now();
        return this.#send({ type: "shutdown" });
      case "settle":
        return this.#settle(session);
      case "wait":
      case "rest":
        return;
      default:
        return assertNever(step);
    }
  }

  #send(command: HostCommand): void {
    this.#unansweredSince ??= this.#hostClock.now();
    this.#connection?.send(command);
  }

  #endUnheard(session: SessionRow, step: Extract<SessionStep, { do: "end-unheard" }>): void {
    const { id: sessionId, workspaceId } = session;
    const { store } = this.#ports;
    const end = this.#unheardEnd(session, step);
    store.transaction(() => {
      store.append({ kind: "session.ended", workspaceId, sessionId, end });
      store.setSession(sessionId, { phase: "dismissed" });
    });
    this.#logger.warn("session.ended", { outcome: end.outcome, code: end.failure?.code });
  }

  #unheardEnd(session: SessionRow, { outcome, failure }: Extract<SessionStep, { do: "end-unheard" }>): SessionEnd {
    const words = outcome === "crashed" && this.#workspace() !== null ? hostLastWords(this.#directory()) : "";
    const message = (words === "" ? failure.message : `${failure.message}\n${words}`).slice(0, 4000);
    return session.phase === "accepted"
      ? neverBegunEnd(outcome, { ...failure, message })
      : unprovenEnd(session, outcome, { ...failure, message });
  }

  async #launch(session: SessionRow): Promise<void> {
    const { agents, store } = this.#ports;
    const signal = AbortSignal.any([this.#ports.stopping, this.#cancelled.signal]);
    const onDelayed = () => this.#start.delayed(session);
    const agent = await prepareAgent(session.args.agent, { ...agents, logger: this.#logger, signal, onDelayed });
    if (!agent.ok) return this.#endUnheard(session, { do: "end-unheard", outcome: "error", failure: agent.error });
    const standby = await this.#start.watch(session, () =>
      this.#ports.standby.claim(session.workspaceId, session.args.agent, signal),
    );
    if (standby === null) await this.#start.admit(session, signal);
    // Not launched yet: what is next is decided again.
    if (signal.aborted) return;
    const mark = standby?.mark ?? session.id;
    const prepared = writeLaunch(this.#directory(), {
      mark,
      session,
      workspace: this.#existingWorkspace(),
      command: agent.value,
      node: this.#ports.node,
      stateDir: this.#ports.stateDir,
    });
    if (!prepared.ok) {
      return this.#endUnheard(session, { do: "end-unheard", outcome: "error", failure: prepared.error });
    }
    store.transaction(() => store.setSession(session.id, { phase: "launched", mark }));
    return standby === null ? this.#startHost(session) : this.#assign(session, standby);
  }

  /** Written down first: should this process die now, the host ends for want of a session, and another is started. */
  #assign(session: SessionRow, standby: StandbyHost): void {
    const change = { launches: session.launches + 1, process: standby.process };
    this.#ports.store.transaction(() => this.#ports.store.setSession(session.id, change));
    standby.assign({ directory: this.#directory() }, () => this.#onHostExit());
    this.#forgetHost();
    this.#logger.info("host.assigned", { pid: standby.process.pid });
  }

  /** A cancel does not wait for its turn: only a host can bring the session to its end. */
  async #relaunch(session: SessionRow): Promise<void> {
    const { stopping } = this.#ports;
    await this.#start.admit(session, AbortSignal.any([stopping, this.#cancelled.signal]));
    if (!stopping.aborted) await this.#startHost(session);
  }

  /** The count goes first: a daemon that dies here again and again must not start hosts for ever. */
  async #startHost(session: SessionRow): Promise<void> {
    const { store, agents } = this.#ports;
    store.transaction(() => store.setSession(session.id, { launches: session.launches + 1 }));
    const mark = await startHost(this.#directory(), agents.self, () => this.#onHostExit());
    store.transaction(() => store.setSession(session.id, { process: mark }));
    this.#forgetHost();
    this.#logger.info("host.started", { pid: mark.pid, launch: session.launches + 1 });
  }

  #onHostExit(): void {
    this.#start.over();
    if (this.#host.is === "silent") this.#host = { ...this.#host, lookedAt: 0 };
    this.#waiter.poke();
  }

  async #look(session: SessionRow): Promise<void> {
    const { clock } = this.#ports;
    const connection = await connectToHost(
      this.#directory(),
      {
        onStatus: (status) => this.#onStatus(status),
        onAck: () => this.#heard(),
        onClosed: () => this.#onClosed(connection),
      },
      this.#logger,
    );
    const now = clock.now();
    // What listens has yet to tell its state: either way an answer is due.
    this.#unansweredSince ??= this.#hostClock.now();
    if (connection === null) {
      const since = this.#host.is === "silent" ? this.#host.since : now;
      this.#host = { is: "silent", since, lookedAt: now, process: this.#hostProcess(session) };
      return;
    }
    this.#start.over();
    this.#connection = connection;
    this.#sentToken = null;
    this.#cancelSentAt = null;
    this.#dismissSentAt = null;
    this.#closeSent = false;
    this.#host = { is: "connected", status: null };
    this.#bringToken();
  }

  /** A daemon that was killed while it started the host has not written down which process it is. */
  #hostProcess({ id, process }: SessionRow): Extract<HostView, { is: "silent" }>["process"] {
    const found = process ?? findByArguments(...hostArguments(this.#directory()));
    if (found === null) return "dead";
    if (found === "unknown") return "unknown";
    if (process === null) this.#ports.store.transaction(() => this.#ports.store.setSession(id, { process: found }));
    return isAlive(found) ? "alive" : "dead";
  }

  /** Whatever the host sends shows that it acts. */
  #heard(): void {
    this.#unansweredSince = null;
    this.#waiter.poke();
  }

  #onStatus(status: HostStatus): void {
    const session = this.#session();
    if (session === null) return;
    if (this.#host.is === "connected") this.#host = { ...this.#host, status };
    this.#lastStatus = status;
    if (status.startDelayed === true) this.#start.delayed(session);
    if (session.process?.pid !== status.pid) {
      this.#ports.store.transaction(() =>
        this.#ports.store.setSession(session.id, { process: markProcess(status.pid) }),
      );
    }
    this.#bringToken();
    this.#reports.consider(status.outbox);
    this.#heard();
  }

  #onClosed(connection: HostConnection | null): void {
    if (connection !== this.#connection) return;
    this.#forgetHost();
    this.#waiter.poke();
  }

  #forgetHost(): void {
    this.#connection = null;
    this.#unansweredSince = null;
    this.#host = { is: "unseen" };
  }

  #bringToken(): void {
    const connection = this.#connection;
    const session = this.#session();
    if (connection === null || session === null) return;
    const token = this.#ports.tokens.get(this.#id);
    if (token !== null && token.token !== this.#sentToken) {
      this.#sentToken = token.token;
      connection.send({ type: "token", token: token.token, expiresAt: token.expiresAt });
    } else if (token === null || this.#lastStatus?.needsToken === true) {
      this.#ports.tokens.want(session.workspaceId);
    }
  }

  #killHost(session: SessionRow, host: HostView): void {
    const pid = host.is === "connected" ? host.status?.pid : undefined;
    const mark = pid === undefined ? session.process : markProcess(pid);
    this.#logger.warn("host.killed", { pid: mark?.pid });
    this.#start.over();
    if (mark !== null) killMarked(mark);
    this.#connection?.close();
    this.#forgetHost();
  }

  #tellStarted({ id: sessionId, workspaceId }: SessionRow): void {
    const { store } = this.#ports;
    store.transaction(() => {
      store.append({
        kind: "session.started",
        workspaceId,
        sessionId,
        capabilities: this.#lastStatus?.capabilities ?? null,
      });
      store.setSession(sessionId, { startedTold: true });
    });
  }

  #noteEnd(host: HostView): void {
    const end = host.is === "connected" ? host.status?.end : null;
    if (end == null) throw new Error("the host has ended and does not say how");
    const { store, clock } = this.#ports;
    store.transaction(() => store.setSession(this.#id, { endSeen: { at: clock.now(), end } }));
  }

  async #finish(session: SessionRow): Promise<void> {
    const { store } = this.#ports;
    const outputs = await finishSession(session, this.#existingWorkspace(), {
      ...this.#ports,
      destroyed: this.#destroyed.signal,
    });
    store.transaction(() => store.setSession(session.id, { finish: outputs }));
    this.#logger.info("session.finished", {
      branch: outputs.branch,
      commits: outputs.commits.length,
      pushed: outputs.pushed,
    });
  }

  #tellEnd({ id: sessionId, workspaceId, endSeen, finish }: SessionRow, host: HostView): void {
    const status = host.is === "connected" ? host.status : null;
    if (status === null || endSeen === null) return;
    const { store } = this.#ports;
    store.transaction(() => {
      this.#reports.last(status.outbox);
      store.append({ kind: "session.ended", workspaceId, sessionId, end: sessionEndOf(endSeen.end, finish, status) });
      store.setSession(sessionId, { phase: "ended" });
    });
    this.#logger.info("session.ended", { outcome: endSeen.end.outcome, drained: status.drained });
  }

  #settle(session: SessionRow): void {
    // What a host that was killed could not end itself.
    reapSession(session.mark ?? session.id);
    this.#ports.store.transaction(() => this.#ports.store.setSession(session.id, { phase: "dismissed" }));
    this.#ports.tokens.forget(session.id, session.workspaceId);
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
      dismissSentAt: this.#dismissSentAt,
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
    if (workspace === null) throw new Error("the session's workspace is not there");
    return workspace;
  }

  #directory(): string {
    return sessionDirectory(this.#ports.stateDir, this.#existingWorkspace(), this.#id);
  }
}
