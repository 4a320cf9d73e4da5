/** `vm-agent session-host <directory>`: the process of one session. It outlives its daemon. */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Logger, Random, Timers } from "@samovar/base";
import { errorMessage, idSource, jsonLogger, systemClock, systemRandom, systemTimers } from "@samovar/base";
import type { HostLaunch } from "@samovar/contracts";
import { PROTOCOL_VERSION, hostLaunch } from "@samovar/contracts";
import { OutboxStore, SessionRecord, openSessionFile } from "@samovar/outbox";
import { START_GATE_VARIABLE, startGate } from "@samovar/processes";
import { openSessionLimits } from "../limits/session-limits.ts";
import { createRuntime } from "../runtime/create-runtime.ts";
import { createWorkspaceNetwork } from "../runtime/network/create-network.ts";
import type { WorkspaceNetwork, WorkspaceNetworkPorts } from "../runtime/network/workspace-network.ts";
import { SessionHost } from "./host.ts";
import type { Standby } from "./standby.ts";
import { readLogLevel, readOutboxSettings } from "./settings.ts";

export interface SessionHostDeps {
  /** An agent that was started before the session was known. */
  readonly standby?: Standby | null;
  /** The network that the standby host has opened. */
  readonly network?: WorkspaceNetwork | null;
  /** What is outside a workspace's network; the node's by default. */
  readonly outside?: WorkspaceNetworkPorts["outside"];
  readonly clock?: Clock;
  readonly timers?: Timers;
  readonly random?: Random;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Serves `host.sock` in `directory` until the session has ended, is drained and was shut down. Resolves with the exit code:
 * 0, or 1 when the host could not start (the reason is in `host.log`).
 */
export async function runSessionHost(directory: string, deps: SessionHostDeps = {}): Promise<number> {
  const { clock = systemClock, env = process.env } = deps;
  let file: number | null = openSync(join(directory, "host.log"), "a", 0o600);
  const write = (line: string) => file !== null && writeSync(file, `${line}\n`);
  const log = jsonLogger({ clock, write, level: readLogLevel(env) }).with({ pid: process.pid });
  try {
    await serve(directory, deps, clock, log);
    log.info("host.closed");
    return 0;
  } catch (error) {
    log.error("host.failed", { error: errorMessage(error), stack: error instanceof Error ? error.stack : undefined });
    return 1;
  } finally {
    closeSync(file);
    file = null;
  }
}

const ignore = () => {};

async function serve(directory: string, deps: SessionHostDeps, clock: Clock, log: Logger): Promise<void> {
  const { timers = systemTimers, random = systemRandom, env = process.env, standby = null } = deps;
  const launch = readLaunch(directory);
  // The places of a workspace with its own user are private, so its programs may use an ordinary umask in them.
  if (launch.user !== null) process.umask(0o022);
  const settings = readOutboxSettings(env);
  const { db, salvage } = openSessionFile(join(directory, "host.sqlite"), clock);
  const record = new SessionRecord(db);
  record.claim(launch);
  if (salvage !== null) log.error("outbox.damaged", { ...salvage });
  const store = new OutboxStore(db, launch.sessionId);
  const { cwd, home, user, sandbox, container, mark } = launch;
  const ready = sandbox === null ? null : (deps.network ?? null);
  const network = ready ?? createWorkspaceNetwork({ sandbox, container }, { log, outside: deps.outside });
  const limits = standby?.limits ?? openSessionLimits(mark, launch.limits, user);
  const { enter } = limits;
  const host = new SessionHost({
    directory,
    launch,
    standby,
    runtime: createRuntime({ places: { checkout: cwd, home }, user, sandbox, network, container, mark, timers, enter }),
    network,
    limits,
    store,
    record,
    salvage,
    settings,
    clock,
    timers,
    random,
    starts: startGate(env[START_GATE_VARIABLE] ?? null, timers),
    ids: idSource(clock, random),
    log,
  });
  const stop = () => host.stop();
  process.on("SIGHUP", ignore).on("SIGTERM", stop).on("SIGINT", stop);
  log.info("host.opened", { session: launch.sessionId, agent: launch.agent.kind });
  try {
    await host.run();
  } finally {
    process.off("SIGHUP", ignore).off("SIGTERM", stop).off("SIGINT", stop);
    if (network !== deps.network) await deps.network?.close();
    limits.remove();
    db.close();
  }
}

function readLaunch(directory: string): HostLaunch {
  const launch = hostLaunch.parse(JSON.parse(readFileSync(join(directory, "host.json"), "utf8")));
  if (launch.protocol !== PROTOCOL_VERSION)
    throw new Error(`host.json has protocol version ${launch.protocol}, this program has ${PROTOCOL_VERSION}`);
  return launch;
}
