/** An agent that was started before its task was known, and the gateway to its model. Keeps S1 [R25]. */
import type { Logger, Random, Timers } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { HostLaunch, HostSandbox, HostStandby, ModelApi } from "@samovar/contracts";
import type { Gateway } from "../gateway/gateway.ts";
import { startGateway } from "../gateway/gateway.ts";
import { createRuntime } from "../runtime/create-runtime.ts";
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
  /** Where the agent runs. */
  readonly runtime: WorkspaceRuntime;
  readonly sandbox: HostSandbox | null;
  readonly mark: string;
}

/** Whether the agent can serve the session. */
export function matchesLaunch(standby: Standby | null, launch: HostLaunch): standby is Standby {
  if (standby === null || standby.agent.isGone) return false;
  const { command, gateway } = launch.agent;
  return (
    standby.mark === launch.mark &&
    launch.container === null &&
    standby.api === gateway &&
    JSON.stringify(standby.sandbox) === JSON.stringify(launch.sandbox) &&
    JSON.stringify(standby.command) === JSON.stringify(command)
  );
}

/** Resolves when `initialize` was answered or failed. Null when only the host is needed. */
export async function startStandby(
  { agent, home, sandbox, mark }: HostStandby,
  log: Logger,
  { random, timers }: { readonly random: Random; readonly timers: Timers },
): Promise<Standby | null> {
  if (agent === null) return null;
  const gateway = agent.gateway === null ? null : await startGateway({ api: agent.gateway, random, log });
  const runtime = createRuntime({ places: { checkout: null, home }, sandbox, mark, timers });
  const start = { agent, ...runtime.seen, model: null, mark };
  const started = new StartedAgent(start, { gateway, secretEnv: {} }, runtime);
  await started.initialized.catch((error: unknown) =>
    log.warn("standby.agent_refused", { error: errorMessage(error) }),
  );
  return { agent: started, gateway, api: agent.gateway, command: agent.command, runtime, sandbox, mark };
}

export async function endStandby(standby: Standby | null, { mark }: HostStandby): Promise<void> {
  standby?.agent.process.signal("SIGKILL");
  await standby?.agent.process.exited;
  await standby?.gateway?.close();
  await standby?.runtime.end();
  reapSession(mark);
}
