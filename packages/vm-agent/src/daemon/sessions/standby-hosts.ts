/**
 * Session hosts that are started before their session: one for each workspace while it is cloned, and on an idle node one
 * for the next workspace, with the most recent agent. They hold nothing of any task and are tracked in memory only: they end
 * with this process, and a session without a standby host starts a host. Keeps S1 [R25].
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { availableMemory } from "node:process";
import type { IdSource, Logger, WorkspaceId } from "@samovar/base";
import type {
  AgentRecipe,
  HostStandby,
  StandbyAssignment,
  WorkspaceCreateArgs,
  WorkspaceLimits,
} from "@samovar/contracts";
import { PROTOCOL_VERSION, agentRecipe } from "@samovar/contracts";
import { lowerGroup, markProcess, type ProcessMark, READY_ENVIRONMENT, untilReady } from "@samovar/processes";
import type { AgentPorts } from "../../agents/prepare-agent.ts";
import { prepareAgent } from "../../agents/prepare-agent.ts";
import type { RuntimeChoice } from "../../runtime/choose-runtime.ts";
import { createHostSandbox } from "../../runtime/choose-runtime.ts";
import { reapSession } from "../../session-host/reap.ts";
import { writePrivateFile } from "../private-file.ts";
import type { WorkspaceRow } from "../store/rows.ts";
import type { DaemonStore } from "../store/store.ts";
import type { WorkspaceUsers } from "../../users/workspace-users.ts";
import { getCheckoutPaths, chooseDirectoryName, getWorkspaceDirectory } from "../workspaces/workspace-paths.ts";

export interface StandbyPorts {
  readonly store: DaemonStore;
  readonly logger: Logger;
  readonly ids: IdSource;
  readonly stateDir: string;
  readonly runtime: RuntimeChoice;
  readonly limits: WorkspaceLimits;
  readonly users: Pick<WorkspaceUsers, "prepare" | "kill" | "release">;
  readonly agents: Omit<AgentPorts, "signal" | "logger" | "onDelayed">;
  readonly stopping: AbortSignal;
}

/** A host without a session yet. */
export interface StandbyHost {
  /** The mark that every process of the session carries. */
  readonly mark: string;
  /** The argv of its agent: the same agent may start in another way meanwhile, from a startup snapshot. */
  readonly command: string[];
  readonly process: ProcessMark;
  /** Assigns the session whose directory holds `host.json`. `onExit` is called when the host exits while this process runs. */
  assign(assignment: StandbyAssignment, onExit: () => void): void;
}

/** A start that waits for its permit or was just admitted. */
interface Starting {
  readonly done: Promise<void>;
  readonly cancel: AbortController;
}

interface WaitingHost extends StandbyHost {
  readonly directoryName: string;
  readonly recipe: string;
  readonly child: ChildProcess;
}

/** Below this much available memory, no idle host is started. */
const SPARE_BYTES = 1024 ** 3;

export class StandbyHosts {
  readonly #ports: StandbyPorts;
  readonly #byWorkspace = new Map<WorkspaceId, WaitingHost>();
  readonly #startingFor = new Map<WorkspaceId, Starting>();
  #idle: WaitingHost | null = null;
  #starting = false;

  constructor(ports: StandbyPorts) {
    this.#ports = ports;
  }

  /** Removes the directory that an earlier daemon's idle host left. */
  async start(): Promise<void> {
    const { store } = this.#ports;
    const directoryName = store.fact("standby_directory");
    if (directoryName === null || store.workspaces().some((workspace) => workspace.directoryName === directoryName))
      return;
    await this.#remove(directoryName);
  }

  /**
   * Gives the idle host to this workspace: the directory name that the workspace takes over, or null when no idle host fits
   * its agent. Within the transaction that accepts the workspace.
   */
  adopt({ workspaceId, agent }: WorkspaceCreateArgs): string | null {
    const idle = this.#idle;
    this.#idle = null;
    if (idle === null) return null;
    if (agent === undefined || JSON.stringify(agent) !== idle.recipe) {
      this.#end(idle);
      return null;
    }
    this.#byWorkspace.set(workspaceId, idle);
    return idle.directoryName;
  }

  /** Starts a host while the workspace is cloned. When the workspace has one, its agent's installation is checked meanwhile. */
  async startFor({ id, directoryName, args }: WorkspaceRow): Promise<void> {
    if (args.agent === undefined || this.#startingFor.has(id) || this.#hasSession(id)) return;
    if (this.#ports.runtime.kind === "unavailable") return;
    if (this.#byWorkspace.has(id)) return void (await this.#prepare(args.agent, this.#ports.stopping));
    const cancel = new AbortController();
    const done = this.#startBeside(id, args.agent, directoryName, cancel.signal);
    this.#startingFor.set(id, { done, cancel });
    try {
      await done;
    } finally {
      this.#startingFor.delete(id);
    }
  }

  async #startBeside(
    id: WorkspaceId,
    recipe: AgentRecipe,
    directoryName: string,
    cancelled: AbortSignal,
  ): Promise<void> {
    const signal = AbortSignal.any([this.#ports.stopping, cancelled]);
    const started = await this.#start(recipe, directoryName, { signal });
    if (started === null) return;
    if (this.#hasSession(id) || this.#ports.store.workspace(id)?.state === "destroying") this.#end(started);
    else this.#byWorkspace.set(id, started);
  }

  /** Starts one host on an idle node, for the next workspace. */
  async startIdle(): Promise<void> {
    const { store, ids, logger } = this.#ports;
    const lastAgent = store.fact("last_agent");
    if (this.#idle !== null || this.#starting || lastAgent === null || availableMemory() < SPARE_BYTES) return;
    if (this.#ports.runtime.kind === "unavailable") return;
    this.#starting = true;
    try {
      const directoryName = chooseDirectoryName(ids.make("wsp"), (taken) =>
        store.workspaces().some((known) => known.directoryName === taken),
      );
      store.transaction(() => store.setFact("standby_directory", directoryName));
      // While other processes wait to start, no idle host is started.
      const delayed = new AbortController();
      const signal = AbortSignal.any([this.#ports.stopping, delayed.signal]);
      const onDelayed = () => delayed.abort();
      const started = await this.#start(agentRecipe.parse(JSON.parse(lastAgent)), directoryName, { signal, onDelayed });
      if (started !== null && this.#isIdle()) this.#idle = started;
      else if (started !== null) this.#end(started);
    } catch (error) {
      logger.warn("standby.not_started", { error });
    } finally {
      this.#starting = false;
    }
  }

  /** The workspace's host, for a session that starts now; null when there is none. Waits for one that is still starting. */
  async claim(workspaceId: WorkspaceId, agent: AgentRecipe, signal: AbortSignal): Promise<StandbyHost | null> {
    const starting = this.#startingFor.get(workspaceId);
    if (starting !== undefined) await waitUntilSettled(starting.done, signal);
    if (signal.aborted) return null;
    const waiting = this.#byWorkspace.get(workspaceId);
    if (waiting === undefined) return null;
    this.#byWorkspace.delete(workspaceId);
    if (waiting.recipe === JSON.stringify(agent)) return waiting;
    this.#end(waiting);
    return null;
  }

  /** Ends the host of a workspace that is being destroyed. */
  discard(workspaceId: WorkspaceId): void {
    this.#startingFor.get(workspaceId)?.cancel.abort();
    const waiting = this.#byWorkspace.get(workspaceId);
    this.#byWorkspace.delete(workspaceId);
    if (waiting !== undefined) this.#end(waiting);
  }

  stop(): void {
    for (const waiting of this.#byWorkspace.values()) this.#end(waiting);
    this.#byWorkspace.clear();
    if (this.#idle !== null) this.#end(this.#idle);
    this.#idle = null;
  }

  #isIdle(): boolean {
    const { store, stopping } = this.#ports;
    return !stopping.aborted && store.workspaces().every(({ state }) => state === "ready" || state === "failed");
  }

  #hasSession(id: WorkspaceId): boolean {
    return this.#ports.store.sessions().some(({ workspaceId, phase }) => workspaceId === id && phase !== "accepted");
  }

  /** Null when the agent cannot be prepared (the session will report why), or when the signal is aborted. */
  async #start(
    recipe: AgentRecipe,
    directoryName: string,
    { signal, onDelayed = () => {} }: { readonly signal: AbortSignal; readonly onDelayed?: () => void },
  ): Promise<WaitingHost | null> {
    const { agents } = this.#ports;
    const command = await this.#prepare(recipe, signal, onDelayed);
    if (!command.ok || signal.aborted) return null;
    const permit = await agents.starts.enter({ signal, onDelayed });
    try {
      const started = signal.aborted ? null : await this.#spawn(recipe, command.value, directoryName);
      if (started !== null) void untilReady(started.child).then(() => permit.release());
      else permit.release();
      return started;
    } catch (error) {
      permit.release();
      throw error;
    }
  }

  #prepare(recipe: AgentRecipe, signal: AbortSignal, onDelayed = () => {}) {
    const { agents, logger } = this.#ports;
    return prepareAgent(recipe, { ...agents, logger, signal, onDelayed });
  }

  async #spawn(recipe: AgentRecipe, command: string[], directoryName: string): Promise<WaitingHost> {
    const { agents, stateDir, runtime, limits, users } = this.#ports;
    const mark = `standby-${this.#ports.ids.make("ses")}`;
    const directory = join(getWorkspaceDirectory(stateDir, directoryName), "standby");
    const paths = getCheckoutPaths(stateDir, directoryName);
    const user = await users.prepare(directoryName);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const sandbox = createHostSandbox(runtime, paths);
    const standby = {
      protocol: PROTOCOL_VERSION,
      mark,
      home: paths.home,
      user,
      sandbox,
      limits,
      // The image of a container is known only when the repository is cloned.
      agent: runtime.kind === "docker" ? null : getEarlyAgent(recipe, command),
    };
    writePrivateFile(join(directory, "standby.json"), JSON.stringify(standby satisfies HostStandby));
    const child = await spawnStandby(directory, agents.self());
    return this.#createWaitingHost(child, { directoryName, mark, command, recipe: JSON.stringify(recipe) });
  }

  #createWaitingHost(
    child: ChildProcess,
    about: Pick<WaitingHost, "directoryName" | "mark" | "command" | "recipe">,
  ): WaitingHost {
    let onExit = () => this.#forget(child, about.mark);
    child.once("exit", () => onExit());
    this.#ports.logger.debug("standby.started", { pid: child.pid });
    return {
      ...about,
      child,
      process: markProcess(child.pid ?? 0),
      assign: (assignment, then) => {
        onExit = then;
        child.stdin?.end(`${JSON.stringify(assignment)}\n`);
      },
    };
  }

  /** The host exited before it had a session. */
  #forget(child: ChildProcess, mark: string): void {
    reapSession(mark);
    if (this.#idle?.child === child) this.#idle = null;
    for (const [id, waiting] of this.#byWorkspace) if (waiting.child === child) this.#byWorkspace.delete(id);
  }

  /** Closing its input makes the host exit, and the host ends its agent. */
  #end({ child, directoryName }: WaitingHost): void {
    child.stdin?.end();
    const { store, logger } = this.#ports;
    if (store.workspaces().some((workspace) => workspace.directoryName === directoryName)) return;
    child.once("exit", () => {
      this.#remove(directoryName).catch((error: unknown) => logger.warn("standby.not_removed", { error }));
    });
  }

  async #remove(directoryName: string): Promise<void> {
    const { users, stateDir } = this.#ports;
    users.kill(directoryName);
    await rm(getWorkspaceDirectory(stateDir, directoryName), { recursive: true, force: true });
    await users.release(directoryName);
  }
}

/** Resolves when `work` is settled, either way, or when the signal is aborted. */
function waitUntilSettled(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    work.then(resolve, () => resolve());
  });
}

function getEarlyAgent(recipe: AgentRecipe, command: string[]): HostStandby["agent"] {
  const { kind, env, gateway } = recipe;
  const server = process.env["SAMOVAR_SERVER_ID"];
  const completeEnv = { ...env, ...(server === undefined ? {} : { SAMOVAR_SERVER_ID: server }) };
  return canStartEarly(recipe) ? { kind, command, env: completeEnv, gateway } : null;
}

/** False for an agent whose environment needs values that are not known yet. */
function canStartEarly({ startsEarly: allowed, secretEnv, env }: AgentRecipe): boolean {
  return allowed && !secretEnv && !Object.values(env).some((value) => /\{(?:checkout|model)\}/.test(value));
}

function spawnStandby(directory: string, [file, ...words]: readonly [string, ...string[]]): Promise<ChildProcess> {
  const log = openSync(join(directory, "standby.log"), "a", 0o600);
  try {
    const child = spawn(file, [...words, "session-host", "--standby", directory], {
      cwd: directory,
      env: { ...process.env, ...READY_ENVIRONMENT },
      stdio: ["pipe", log, log, "pipe"],
      detached: true,
    });
    lowerGroup(child, 0);
    child.stdin?.on("error", () => {
      // The process is gone; its exit is handled elsewhere.
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => resolve(child));
    });
  } finally {
    closeSync(log);
  }
}
