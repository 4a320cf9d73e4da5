/** An agent that was started before its task was known, and the gateway to its model. Keeps S1 [R25]. */
import { isDeepStrictEqual } from "node:util";
import type { Logger, Random, Timers } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { HostLaunch, HostSandbox, HostStandby, HostUser, ModelApi } from "@samovar/contracts";
import type { Gateway } from "../gateway/gateway.ts";
import { startGateway } from "../gateway/gateway.ts";
import { openSessionLimits, type SessionLimits } from "../limits/session-limits.ts";
import { createRuntime } from "../runtime/create-runtime.ts";
import type { WorkspaceNetwork } from "../runtime/network/workspace-network.ts";
import type { WorkspaceRuntime } from "../runtime/runtime.ts";
import { reapSession } from "./reap.ts";
import { StartedAgent } from "./started-agent.ts";

/** An agent and gateway that a session can use instead of starting them. */
export interface Standby {
  readonly agent: StartedAgent;
  /** Its address and key are in the agent's environment. It has no credential yet. */
  readonly gateway: Gateway | null;
  readonly api: ModelApi | null;
  readonly command: readonly string[];
  /** As in its recipe, with placeholders. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the agent runs. */
  readonly runtime: WorkspaceRuntime;
  readonly user: HostUser | null;
  readonly sandbox: HostSandbox | null;
  readonly mark: string;
  readonly limits: SessionLimits;
}

export interface StandbyPorts {
  readonly random: Random;
  readonly timers: Timers;
  /** Null: without a sandbox. Its start may not have begun. */
  readonly network: WorkspaceNetwork | null;
}

/** Whether the agent can serve the session. */
export function matchesLaunch(standby: Standby | null, launch: HostLaunch): standby is Standby {
  if (standby === null || standby.agent.isGone) return false;
  const { command, env, gateway } = launch.agent;
  return (
    standby.mark === launch.mark &&
    launch.container === null &&
    standby.api === gateway &&
    isDeepStrictEqual(standby.user, launch.user) &&
    JSON.stringify(standby.sandbox) === JSON.stringify(launch.sandbox) &&
    JSON.stringify(standby.command) === JSON.stringify(command) &&
    // What the agent reads of a repository is decided by its environment, too.
    isDeepStrictEqual(standby.env, env)
  );
}

/** Resolves when `initialize` was answered or failed. Null when only the host is needed. */
export async function startStandby(
  { agent, home, user, sandbox, mark, limits: max }: HostStandby,
  log: Logger,
  { random, timers, network }: StandbyPorts,
): Promise<Standby | null> {
  if (agent === null) return null;
  await network?.start();
  const listen = network?.listen;
  const gateway = agent.gateway === null ? null : await startGateway({ api: agent.gateway, random, log, listen });
  const limits = openSessionLimits(mark, max, user);
  const { enter } = limits;
  const runtime = createRuntime({ places: { checkout: null, home }, user, sandbox, network, mark, timers, enter });
  const start = { agent, ...runtime.seen, model: null, mark };
  const started = new StartedAgent(start, { gateway, secretEnv: {} }, runtime);
  await started.initialized.catch((error: unknown) =>
    log.warn("standby.agent_refused", { error: errorMessage(error) }),
  );
  const { command, env } = agent;
  return { agent: started, gateway, api: agent.gateway, command, env, runtime, user, sandbox, mark, limits };
}

export async function endStandby(standby: Standby | null, { mark }: HostStandby): Promise<void> {
  standby?.agent.process.signal("SIGKILL");
  await standby?.agent.process.exited;
  await standby?.gateway?.close();
  await standby?.runtime.end();
  reapSession(mark);
  standby?.limits.remove();
}
