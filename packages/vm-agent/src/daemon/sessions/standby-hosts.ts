/**
 * Session hosts that are started before their session: one for each workspace that is being made, beside its clone, and on a
 * node with nothing to do one for the next workspace, with the agent that was used last. They hold nothing of any task, and are
 * kept in memory only: they end with this process, and a session whose host does not stand by starts one. Keeps S1 [R25].
 */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { availableMemory } from "node:process";
import type { IdSource, Logger, WorkspaceId } from "@samovar/base";
import type { AgentRecipe, HostStandby, StandbyAssignment, WorkspaceCreateArgs } from "@samovar/contracts";
import { PROTOCOL_VERSION, agentRecipe } from "@samovar/contracts";
import { lowerGroup, markProcess, type ProcessMark, READY_ENVIRONMENT, untilReady } from "@samovar/processes";
import type { AgentPorts } from "../../agents/registry.ts";
import { prepareAgent } from "../../agents/registry.ts";
import { reapSession } from "../../session-host/reap.ts";
import { writePrivateFile } from "../private-file.ts";
import type { WorkspaceRow } from "../store/rows.ts";
import type { DaemonStore } from "../store/store.ts";
import { checkoutPlaces, placeOf, workspaceDirectory } from "../workspaces/places.ts";

export interface StandbyPorts {
  readonly store: DaemonStore;
  readonly logger: Logger;
  readonly ids: IdSource;
  readonly stateDir: string;
  readonly agents: Omit<AgentPorts, "signal" | "logger" | "onDelayed">;
  readonly stopping: AbortSignal;
}

/** A host that waits for its session. */
export interface StandbyHost {
  /** Carried by every process of the session. */
  readonly mark: string;
  readonly process: ProcessMark;
  /** Hands the session over: its directory has the `host.json`. `onExit` is called when the host ends while we still live. */
  assign(assignment: StandbyAssignment, onExit: () => void): void;
}

/** A start that waits for its turn, or has only just had it. */
interface Starting {
  readonly done: Promise<void>;
  readonly cancel: AbortController;
}

interface Waiting extends StandbyHost {
  readonly place: string;
  readonly recipe: string;
  readonly child: ChildProcess;
}

/** With less memory than this to spare, nothing is started that nobody has asked for. */
const SPARE_BYTES = 1024 ** 3;

export class StandbyHosts {
  readonly #ports: StandbyPorts;
  readonly #byWorkspace = new Map<WorkspaceId, Waiting>();
  readonly #startingFor = new Map<WorkspaceId, Starting>();
  #idle: Waiting | null = null;
  #starting = false;

  constructor(ports: StandbyPorts) {
    this.#ports = ports;
  }

  /** Removes what the standby of an earlier daemon has left. */
  async start(): Promise<void> {
    const { store, stateDir } = this.#ports;
    const place = store.fact("standby_place");
    if (place === null || store.workspaces().some((workspace) => workspace.place === place)) return;
    await rm(workspaceDirectory(stateDir, place), { recursive: true, force: true });
  }

  /** The place that stands ready for this workspace's agent, or null. Within the transaction that accepts the workspace. */
  adopt({ workspaceId, agent }: WorkspaceCreateArgs): string | null {
    const idle = this.#idle;
    this.#idle = null;
    if (idle === null) return null;
    if (agent === undefined || JSON.stringify(agent) !== idle.recipe) {
      this.#end(idle);
      return null;
    }
    this.#byWorkspace.set(workspaceId, idle);
    return idle.place;
  }

  /** While its checkout is made; does nothing for a workspace that has one. */
  async startFor({ id, place, args }: WorkspaceRow): Promise<void> {
    const isThere = this.#byWorkspace.has(id) || this.#startingFor.has(id) || this.#hasSession(id);
    if (args.agent === undefined || isThere) return;
    const cancel = new AbortController();
    const done = this.#startBeside(id, args.agent, place, cancel.signal);
    this.#startingFor.set(id, { done, cancel });
    try {
      await done;
    } finally {
      this.#startingFor.delete(id);
    }
  }

  async #startBeside(id: WorkspaceId, recipe: AgentRecipe, place: string, cancelled: AbortSignal): Promise<void> {
    const signal = AbortSignal.any([this.#ports.stopping, cancelled]);
    const started = await this.#start(recipe, place, { signal });
    if (started === null) return;
    if (this.#hasSession(id) || this.#ports.store.workspace(id)?.state === "destroying") this.#end(started);
    else this.#byWorkspace.set(id, started);
  }

  /** The node has nothing to do: one host for whatever comes next. */
  async keepOne(): Promise<void> {
    const { store, ids, logger } = this.#ports;
    const lastAgent = store.fact("last_agent");
    if (this.#idle !== null || this.#starting || lastAgent === null || availableMemory() < SPARE_BYTES) return;
    this.#starting = true;
    try {
      const place = placeOf(ids.make("wsp"), (taken) => store.workspaces().some((known) => known.place === taken));
      store.transaction(() => store.setFact("standby_place", place));
      // With others that wait for their turn, nothing is started that nobody has asked for.
      const giveUp = new AbortController();
      const signal = AbortSignal.any([this.#ports.stopping, giveUp.signal]);
      const onDelayed = () => giveUp.abort();
      const started = await this.#start(agentRecipe.parse(JSON.parse(lastAgent)), place, { signal, onDelayed });
      if (started !== null && this.#isIdle()) this.#idle = started;
      else if (started !== null) this.#end(started);
    } catch (error) {
      logger.warn("standby.not_started", { error });
    } finally {
      this.#starting = false;
    }
  }

  /** For a session that starts now. One that still waits for its turn is waited for: it asked before the session could. */
  async claim(workspaceId: WorkspaceId, agent: AgentRecipe, signal: AbortSignal): Promise<StandbyHost | null> {
    const starting = this.#startingFor.get(workspaceId);
    if (starting !== undefined) await settledOr(starting.done, signal);
    if (signal.aborted) return null;
    const waiting = this.#byWorkspace.get(workspaceId);
    if (waiting === undefined) return null;
    this.#byWorkspace.delete(workspaceId);
    if (waiting.recipe === JSON.stringify(agent)) return waiting;
    this.#end(waiting);
    return null;
  }

  /** The workspace is going: nobody will start a session in it. */
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

  /** Null when the agent cannot be had (the session will say why), or when the signal is aborted. */
  async #start(
    recipe: AgentRecipe,
    place: string,
    { signal, onDelayed = () => {} }: { readonly signal: AbortSignal; readonly onDelayed?: () => void },
  ): Promise<Waiting | null> {
    const { agents, logger } = this.#ports;
    const command = await prepareAgent(recipe, { ...agents, logger, signal, onDelayed });
    if (!command.ok || signal.aborted) return null;
    const permit = await agents.starts.enter({ signal, onDelayed });
    try {
      const started = signal.aborted ? null : await this.#spawn(recipe, command.value, place);
      if (started !== null) void untilReady(started.child).then(() => permit.release());
      else permit.release();
      return started;
    } catch (error) {
      permit.release();
      throw error;
    }
  }

  async #spawn(recipe: AgentRecipe, command: string[], place: string): Promise<Waiting> {
    const { agents, stateDir } = this.#ports;
    const mark = `standby-${this.#ports.ids.make("ses")}`;
    const directory = join(workspaceDirectory(stateDir, place), "standby");
    const { home } = checkoutPlaces(stateDir, place);
    for (const each of [directory, home]) mkdirSync(each, { recursive: true, mode: 0o700 });
    writePrivateFile(join(directory, "standby.json"), JSON.stringify(standbyOf(recipe, command, home, mark)));
    const child = await spawnStandby(directory, agents.self);
    return this.#waiting(child, { place, mark, recipe: JSON.stringify(recipe) });
  }

  #waiting(child: ChildProcess, about: Pick<Waiting, "place" | "mark" | "recipe">): Waiting {
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

  /** It died while it waited. */
  #forget(child: ChildProcess, mark: string): void {
    reapSession(mark);
    if (this.#idle?.child === child) this.#idle = null;
    for (const [id, waiting] of this.#byWorkspace) if (waiting.child === child) this.#byWorkspace.delete(id);
  }

  /** The end of its input ends it, and it ends its agent. */
  #end({ child, place }: Waiting): void {
    child.stdin?.end();
    const { store, stateDir } = this.#ports;
    if (store.workspaces().some((workspace) => workspace.place === place)) return;
    child.once("exit", () => void rm(workspaceDirectory(stateDir, place), { recursive: true, force: true }));
  }
}

/** Resolves when it is settled, either way, or when the signal is aborted. */
function settledOr(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
    work.then(resolve, () => resolve());
  });
}

function standbyOf(recipe: AgentRecipe, command: string[], home: string, mark: string): HostStandby {
  const { kind, env, gateway } = recipe;
  const server = process.env["SAMOVAR_SERVER_ID"];
  const whole = { ...env, ...(server === undefined ? {} : { SAMOVAR_SERVER_ID: server }) };
  const agent = startsEarly(recipe) ? { kind, command, env: whole, gateway } : null;
  return { protocol: PROTOCOL_VERSION, mark, home, agent };
}

/** Not an agent whose environment names what is not known yet. */
function startsEarly({ startsEarly: allowed, secretEnv, env }: AgentRecipe): boolean {
  return allowed && !secretEnv && !Object.values(env).some((value) => /\{(?:checkout|model)\}/.test(value));
}

function spawnStandby(directory: string, [node, module]: readonly [string, string]): Promise<ChildProcess> {
  const log = openSync(join(directory, "standby.log"), "a", 0o600);
  try {
    const child = spawn(node, [module, "session-host", "--standby", directory], {
      cwd: directory,
      env: { ...process.env, ...READY_ENVIRONMENT },
      stdio: ["pipe", log, log, "pipe"],
      detached: true,
    });
    lowerGroup(child, 0);
    child.stdin?.on("error", () => {
      // It is gone; its exit says so.
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => resolve(child));
    });
  } finally {
    closeSync(log);
  }
}
