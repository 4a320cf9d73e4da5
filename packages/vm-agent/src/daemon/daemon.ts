/**
 * The vm-agent's main process: dials the control plane, manages workspaces, starts and reconnects session hosts. It may
 * be killed at any moment: its commitments are in its store, and hosts continue without it [R5][R21].
 */
import type { Logger, SessionId, WorkspaceId } from "@samovar/base";
import { idSource, jsonLogger, systemClock, systemRandom, systemTimers } from "@samovar/base";
import { killMarked, startGate } from "@samovar/processes";
import type { Salvage } from "@samovar/sqlite";
import { isAbsolute, join } from "node:path";
import type { WorkspaceCreateArgs, WorkspaceLimits } from "@samovar/contracts";
import { TreeChecks } from "../agents/tree-checks.ts";
import { describeEnforcement } from "../limits/cgroups.ts";
import { resolveLimits } from "../limits/limits.ts";
import { readNodeResources } from "../limits/usage.ts";
import type { RuntimeChoice } from "../runtime/choose-runtime.ts";
import { chooseRuntime } from "../runtime/choose-runtime.ts";
import { ownModule, TRIAL_MARK } from "../runtime/docker/choose-docker.ts";
import { reapSession } from "../session-host/reap.ts";
import type { VmAgentSettings } from "../settings.ts";
import { AGENT_VERSION } from "../settings.ts";
import { BootstrapRefusedError, obtainIdentity } from "./bootstrap.ts";
import { Calls } from "./calls.ts";
import { acceptCommand, refuseCommand } from "./commands.ts";
import { isCheckoutMark } from "./git/checkout-shell.ts";
import type { EnrolledIdentity } from "./identity.ts";
import { writeIdentity } from "./identity.ts";
import { Link } from "./link/link.ts";
import { readWaiting, waitUntilPrepared } from "./preparation.ts";
import { SessionRuntimes } from "./sessions/session-runtimes.ts";
import { SessionSupervisor } from "./sessions/session-supervisor.ts";
import { StandbyHosts } from "./sessions/standby-hosts.ts";
import type { SelfCommand } from "../startup-snapshot.ts";
import { chooseUsers, type UserChoice } from "../users/choose-users.ts";
import { UserRegistry } from "../users/user-registry.ts";
import { WorkspaceUsers } from "../users/workspace-users.ts";
import { StoreBusyError } from "./store/open-store.ts";
import { DaemonStore } from "./store/store.ts";
import { WorkspaceTokens } from "./tokens.ts";
import { WorkspaceCallback } from "./workspaces/callback.ts";
import { WorkspaceKeeper } from "./workspaces/workspace-keeper.ts";

export interface DaemonOptions {
  readonly settings: VmAgentSettings;
  readonly self: SelfCommand;
  /** Aborted by a signal: the daemon closes the link, leaves the hosts running and returns. */
  readonly stopping: AbortSignal;
}

const EXIT = { stopped: 0, refused: 1, busy: 75 } as const;
/** The node is gone, but its server still runs: its service manager restarts the daemon again and again. */
const GONE_PAUSE_MS = 10 * 60_000;

export function createDaemonLogger({ logLevel, nodeId }: VmAgentSettings): Logger {
  const write = (line: string) => void process.stdout.write(`${line}\n`);
  return jsonLogger({ clock: systemClock, write, level: logLevel, fields: { node: nodeId } });
}

/** Runs until it is stopped; resolves with the exit code. */
export async function runDaemon(options: DaemonOptions): Promise<number> {
  const { settings, stopping } = options;
  const logger = createDaemonLogger(settings);
  const ports = { clock: systemClock, timers: systemTimers, random: systemRandom, logger };
  try {
    const choose = () => chooseSurroundings(settings, options.self);
    // In parallel, because both take time; on a new node only after its tools are installed.
    const choosing = readWaiting(settings) === null ? choose() : null;
    const enrolled = await obtainIdentity(settings, { ...ports, fetch: globalThis.fetch, signal: stopping });
    const identity = choosing === null ? await waitUntilPrepared(enrolled, settings, stopping, ports) : enrolled;
    if (identity.phase === "enrolled") {
      const { runtime, users } = await (choosing ?? choose());
      logger.info("runtime.chosen", { runtime: runtime.kind, reason: runtime.reason });
      logger.info("users.chosen", { separate: users.trial !== null, reason: users.reason });
      return await new Daemon(identity, { runtime, users }, options, ports).run();
    }
    logger.warn("node.gone");
    await pause(GONE_PAUSE_MS, stopping);
    return EXIT.stopped;
  } catch (error) {
    if (stopping.aborted) return EXIT.stopped;
    logger.error("daemon.failed", { error });
    if (error instanceof StoreBusyError) return EXIT.busy;
    if (error instanceof BootstrapRefusedError) return EXIT.refused;
    throw error;
  }
}

function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = systemTimers.after(delayMs, resolve);
    signal.addEventListener(
      "abort",
      () => {
        cancel();
        resolve();
      },
      { once: true },
    );
  });
}

interface Surroundings {
  readonly runtime: RuntimeChoice;
  readonly users: UserChoice;
}

/** Chooses users first, because the sandbox trial runs as one of them. */
async function chooseSurroundings(
  { users: mode, runtime, stateDir, agentsDir, snapshotsDir }: VmAgentSettings,
  self: SelfCommand,
): Promise<Surroundings> {
  const path = process.env["PATH"] ?? "";
  const files = self().filter((word) => isAbsolute(word));
  const users = await chooseUsers({ mode, path, stateDir, programDirectories: [agentsDir, snapshotsDir], files });
  // Files of this process are private, even where others can pass its directory; session hosts set a umask for their programs.
  if (users.trial !== null) process.umask(0o077);
  if (mode === "separate" && users.trial === null)
    return { users, runtime: { kind: "unavailable", reason: users.reason, sandbox: null, demanded: "users" } };
  return { users, runtime: await chooseRuntime(runtime, stateDir, process.env, { user: users.trial }) };
}

type Ports = Pick<ConstructorParameters<typeof Link>[2], "clock" | "timers" | "random" | "logger">;

class Daemon {
  readonly #options: DaemonOptions;
  readonly #runtimes: SessionRuntimes;
  readonly #users: WorkspaceUsers;
  readonly #ports: Ports;
  readonly #store: DaemonStore;
  readonly #link: Link;
  readonly #tokens: WorkspaceTokens;
  readonly #callback: WorkspaceCallback;
  readonly #keeper: WorkspaceKeeper;
  readonly #standby: StandbyHosts;
  readonly #supervisors = new Map<SessionId, SessionSupervisor>();
  readonly #trees: TreeChecks;
  readonly #limits: WorkspaceLimits;
  readonly #stop = new AbortController();
  readonly #stopping: AbortSignal;
  readonly #epoch: number;
  #nodeToken: string;
  #isGone = false;

  constructor(identity: EnrolledIdentity, { runtime, users }: Surroundings, options: DaemonOptions, ports: Ports) {
    const { settings } = options;
    const { stateDir, usersDir } = settings;
    this.#users = new WorkspaceUsers({ ...ports, choice: users, registry: new UserRegistry(usersDir), stateDir });
    this.#options = options;
    this.#runtimes = new SessionRuntimes({
      ...ports,
      node: runtime,
      settings: settings.runtime,
      stateDir: settings.stateDir,
      module: ownModule(),
      env: process.env,
      trial: users.trial,
    });
    this.#ports = ports;
    this.#trees = new TreeChecks(ports.clock);
    this.#limits = resolveLimits(settings.limits, readNodeResources(settings.stateDir));
    this.#epoch = identity.epoch;
    this.#nodeToken = identity.nodeToken;
    this.#stopping = AbortSignal.any([options.stopping, this.#stop.signal]);
    this.#store = new DaemonStore(join(settings.stateDir, "daemon.sqlite"), ports.clock);
    this.#store.enterEpoch(identity.epoch);
    this.#tokens = new WorkspaceTokens({ ...ports, renew: (workspaces) => this.#link.renew(workspaces) });
    this.#tokens.setNodeTokenExpiry(identity.expiresAt);
    const { controlPlaneUrl } = settings;
    this.#callback = new WorkspaceCallback({ ...ports, controlPlaneUrl, tokens: this.#tokens });
    this.#standby = new StandbyHosts({
      store: this.#store,
      logger: ports.logger,
      ids: idSource(ports.clock, ports.random),
      stateDir: settings.stateDir,
      runtime,
      limits: this.#limits,
      users: this.#users,
      agents: this.#createAgentPorts(),
      stopping: this.#stopping,
    });
    this.#keeper = new WorkspaceKeeper({
      store: this.#store,
      logger: ports.logger,
      stateDir: settings.stateDir,
      callback: this.#callback,
      users: this.#users,
      cloneTimeoutMs: settings.cloneTimeoutMs,
      stopping: this.#stopping,
      endSessions: (workspace) => this.#endSessions(workspace),
      onChange: (workspace) => this.#wakeSessions(workspace),
      onCreating: (workspace) =>
        void this.#standby.startFor(workspace).catch((error: unknown) => this.#onStandbyError(error)),
      onIdle: () => this.#startStandbyIfIdle(),
    });
    this.#link = this.#makeLink();
  }

  async run(): Promise<number> {
    const { logger } = this.#ports;
    logger.info("daemon.started", { version: AGENT_VERSION, epoch: this.#epoch });
    if (this.#store.salvage !== null) this.#reportDamage(this.#store.salvage);
    await this.#standby.start();
    void this.#removeLeftContainers();
    this.#resumeWork();
    this.#startStandbyIfIdle();
    this.#tokens.start();
    this.#link.start();
    await new Promise<void>((resolve) => {
      if (this.#stopping.aborted) resolve();
      this.#stopping.addEventListener("abort", () => resolve(), { once: true });
    });
    this.#link.stop();
    this.#tokens.stop();
    this.#standby.stop();
    await Promise.all([
      this.#keeper.waitUntilIdle(),
      ...[...this.#supervisors.values()].map((supervisor) => supervisor.done),
    ]);
    if (this.#isGone) await this.#killSessions();
    this.#store.close();
    logger.info("daemon.stopped", { gone: this.#isGone });
    return EXIT.stopped;
  }

  #makeLink(): Link {
    const { settings } = this.#options;
    const adoptStandby = (args: WorkspaceCreateArgs) => this.#standby.adopt(args);
    const ports = { ...this.#ports, store: this.#store, adoptStandby };
    const { stateDir } = settings;
    const calls = new Calls({
      ...ports,
      stateDir,
      users: this.#users,
      runtimes: this.#runtimes,
      limits: this.#limits,
      stopping: this.#stopping,
    });
    return new Link(
      {
        controlPlaneUrl: settings.controlPlaneUrl,
        nodeId: settings.nodeId,
        agentVersion: AGENT_VERSION,
        epoch: this.#epoch,
        getRuntime: () => ({
          kind: this.#runtimes.node.kind,
          reason: this.#runtimes.node.reason,
          limits: describeEnforcement(this.#runtimes.node.kind),
          users: this.#users.areSeparate ? "separate" : "shared",
        }),
        getToken: () => this.#nodeToken,
      },
      {
        onCommand: (command) => {
          if (acceptCommand(command, ports)) this.#resumeWork();
        },
        onUnknownCommand: (command) => refuseCommand(command, ports),
        onCall: (call) => calls.answer(call),
        onNodeToken: (token) => this.#setNodeToken(token),
        onWorkspaceTokens: (tokens) => {
          for (const token of tokens) this.#tokens.put(token);
          this.#wakeSessions();
        },
        onConnected: () => this.#wakeSessions(),
        onDisconnected: () => this.#wakeSessions(),
        onGone: () => this.#onGone(),
      },
      ports,
    );
  }

  /** Starts or resumes all work that the store holds. Repeatable. */
  #resumeWork(): void {
    for (const workspace of this.#store.workspaces()) this.#keeper.wake(workspace.id);
    for (const session of this.#store.sessions()) {
      if (session.phase !== "finalized" && !this.#supervisors.has(session.id)) this.#supervise(session.id);
    }
    this.#wakeSessions();
  }

  /** A host that still runs keeps its container. Sessions are read after the containers, so that none that starts now loses its own. */
  #removeLeftContainers(): Promise<void> {
    const isOpen = (mark: string) =>
      this.#stopping.aborted ||
      this.#store.sessions().some((session) => session.phase !== "finalized" && (session.mark ?? session.id) === mark);
    return this.#runtimes.removeContainers((mark) => mark !== TRIAL_MARK && !isCheckoutMark(mark) && !isOpen(mark));
  }

  #supervise(id: SessionId): void {
    const { settings } = this.#options;
    const supervisor = new SessionSupervisor(id, {
      ...this.#ports,
      store: this.#store,
      tokens: this.#tokens,
      callback: this.#callback,
      agents: this.#createAgentPorts(),
      standby: this.#standby,
      node: { controlPlaneUrl: settings.controlPlaneUrl, nodeId: settings.nodeId, epoch: this.#epoch },
      stateDir: settings.stateDir,
      users: this.#users,
      runtimes: this.#runtimes,
      limits: this.#limits,
      finishTimeoutMs: settings.finishTimeoutMs,
      drainTimeoutMs: settings.drainTimeoutMs,
      stopping: this.#stopping,
    });
    this.#supervisors.set(id, supervisor);
    void supervisor.done.finally(() => {
      this.#supervisors.delete(id);
      this.#startStandbyIfIdle();
    });
  }

  #createAgentPorts() {
    const { settings, self } = this.#options;
    const starts = startGate(settings.startGatePath, this.#ports.timers);
    return {
      self,
      agentsDir: settings.agentsDir,
      controlPlaneUrl: settings.controlPlaneUrl,
      trees: this.#trees,
      timeoutMs: settings.installTimeoutMs,
      env: process.env,
      starts,
      onRejected: (message: string) => this.#reportFault("agent_rejected", message),
    };
  }

  #reportFault(code: string, message: string): void {
    this.#store.transaction(() => this.#store.append({ kind: "fault", workspaceId: null, code, message }));
  }

  /** Starts a standby host on an idle node, so that the next task starts faster. */
  #startStandbyIfIdle(): void {
    const isBusy = this.#supervisors.size > 0 || this.#store.fact("draining") !== null;
    const isChanging = this.#store.workspaces().some(({ state }) => state === "creating" || state === "destroying");
    if (this.#stopping.aborted || isBusy || isChanging) return;
    this.#standby.startIdle().catch((error: unknown) => this.#onStandbyError(error));
  }

  #onStandbyError(error: unknown): void {
    if (!this.#stopping.aborted) this.#ports.logger.warn("standby.not_started", { error });
  }

  #wakeSessions(workspace?: WorkspaceId): void {
    for (const [id, supervisor] of this.#supervisors) {
      if (workspace === undefined || this.#store.session(id)?.workspaceId === workspace) supervisor.wake();
    }
  }

  async #endSessions(workspace: WorkspaceId): Promise<void> {
    this.#wakeSessions(workspace);
    this.#standby.discard(workspace);
    const sessions = this.#store.sessions().filter((session) => session.workspaceId === workspace);
    await Promise.all(sessions.map((session) => this.#supervisors.get(session.id)?.done));
  }

  #setNodeToken({ token, expiresAt }: { readonly token: string; readonly expiresAt: number }): void {
    this.#tokens.setNodeTokenExpiry(expiresAt);
    if (token === this.#nodeToken) return;
    this.#nodeToken = token;
    writeIdentity(this.#options.settings.stateDir, {
      phase: "enrolled",
      nodeToken: token,
      expiresAt,
      epoch: this.#epoch,
    });
  }

  #onGone(): void {
    this.#isGone = true;
    this.#stop.abort();
  }

  /** The control plane no longer knows this node, so no session here can report to it. */
  async #killSessions(): Promise<void> {
    for (const session of this.#store.sessions()) {
      if (session.process !== null) killMarked(session.process);
      reapSession(session.mark ?? session.id);
    }
    for (const { directoryName } of this.#store.workspaces()) this.#users.kill(directoryName);
    await this.#runtimes.removeContainers(() => true);
    writeIdentity(this.#options.settings.stateDir, { phase: "gone" });
  }

  #reportDamage(salvage: Salvage): void {
    this.#ports.logger.error("store.damaged", { ...salvage });
    const message = `The daemon's database was damaged and moved to ${salvage.movedTo}; the readable part was kept.`;
    this.#reportFault("store_damaged", message);
  }
}
