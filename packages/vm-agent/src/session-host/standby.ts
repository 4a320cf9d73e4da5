/** An agent that was started before its task was known, and the gateway that it will reach its model by. Keeps S1 [R25]. */
import type { Logger, Random } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import type { HostLaunch, HostStandby, ModelApi } from "@samovar/contracts";
import type { Gateway } from "../gateway/gateway.ts";
import { startGateway } from "../gateway/gateway.ts";
import { reapSession } from "./reap.ts";
import { StartedAgent } from "./started-agent.ts";

/** What a session may take up instead of starting it. */
export interface Standby {
  readonly agent: StartedAgent;
  /** Its address and key are in the agent's environment; the credential is not in it yet. */
  readonly gateway: Gateway | null;
  readonly api: ModelApi | null;
  readonly command: readonly string[];
  readonly mark: string;
}

/** Whether the session is the one that the agent was started for. */
export function fits(standby: Standby | null, launch: HostLaunch): standby is Standby {
  if (standby === null || standby.agent.isGone) return false;
  const { command, gateway } = launch.agent;
  return (
    standby.mark === launch.mark &&
    standby.api === gateway &&
    JSON.stringify(standby.command) === JSON.stringify(command)
  );
}

/** Resolves when the agent has answered `initialize`, or cannot. Null where only the host is wanted. */
export async function startStandby(
  { agent, home, mark }: HostStandby,
  log: Logger,
  random: Random,
): Promise<Standby | null> {
  if (agent === null) return null;
  const gateway = agent.gateway === null ? null : await startGateway({ api: agent.gateway, random, log });
  const start = { agent, home, checkout: null, model: null, mark };
  const started = new StartedAgent(start, { gateway, secretEnv: {} });
  await started.hello.catch((error: unknown) => log.warn("standby.agent_refused", { error: errorMessage(error) }));
  return { agent: started, gateway, api: agent.gateway, command: agent.command, mark };
}

export async function endStandby(standby: Standby | null, { mark }: HostStandby): Promise<void> {
  standby?.agent.process.signal("SIGKILL");
  await standby?.agent.process.exited;
  await standby?.gateway?.close();
  reapSession(mark);
}
