/**
 * A session host that is started before its session, and its agent with it: both wait, initialized, until a task comes. It has
 * no token, no credential and no file of a session yet, so it holds nothing of any task. Keeps S1 [R25].
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import type { Logger, Random } from "@samovar/base";
import { errorMessage, jsonLogger, systemClock, systemRandom } from "@samovar/base";
import type { HostLaunch, HostStandby, ModelApi, StandbyAssignment } from "@samovar/contracts";
import { PROTOCOL_VERSION, hostStandby, standbyAssignment } from "@samovar/contracts";
import type { Gateway } from "../gateway/gateway.ts";
import { startGateway } from "../gateway/gateway.ts";
import { runSessionHost } from "./main.ts";
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

/** `vm-agent session-host --standby <directory>`: serves the session that comes on standard input; ends without one. */
export async function runStandbyHost(directory: string, input: Readable): Promise<number> {
  const file = openSync(join(directory, "standby.log"), "a", 0o600);
  const log = jsonLogger({ clock: systemClock, write: (line) => void writeSync(file, `${line}\n`) });
  try {
    const setting = readStandby(directory);
    const assignment = nextAssignment(input);
    const standby = await prepare(setting, log, systemRandom);
    const assigned = await assignment;
    if (assigned !== null) return await runSessionHost(assigned.directory, { standby });
    await dismiss(standby, setting);
    return 0;
  } catch (error) {
    log.error("standby.failed", { error: errorMessage(error) });
    return 1;
  } finally {
    closeSync(file);
  }
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

async function prepare({ agent, home, mark }: HostStandby, log: Logger, random: Random): Promise<Standby | null> {
  if (agent === null) return null;
  const gateway = agent.gateway === null ? null : await startGateway({ api: agent.gateway, random, log });
  const start = { agent, home, checkout: null, model: null, mark };
  const started = new StartedAgent(start, { gateway, secretEnv: {} });
  await started.hello.catch((error: unknown) => log.warn("standby.agent_refused", { error: errorMessage(error) }));
  return { agent: started, gateway, api: agent.gateway, command: agent.command, mark };
}

async function dismiss(standby: Standby | null, { mark }: HostStandby): Promise<void> {
  standby?.agent.process.signal("SIGKILL");
  await standby?.agent.process.exited;
  await standby?.gateway?.close();
  reapSession(mark);
}

/** Null when the input ends first: nobody will assign a session any more. */
function nextAssignment(input: Readable): Promise<StandbyAssignment | null> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input });
    lines.once("line", (line) => {
      try {
        resolve(standbyAssignment.parse(JSON.parse(line)));
      } catch (error) {
        reject(new Error(`the assignment cannot be read: ${errorMessage(error)}`));
      }
      lines.close();
    });
    lines.once("close", () => resolve(null));
    input.once("error", () => resolve(null));
  });
}

function readStandby(directory: string): HostStandby {
  const standby = hostStandby.parse(JSON.parse(readFileSync(join(directory, "standby.json"), "utf8")));
  if (standby.protocol !== PROTOCOL_VERSION)
    throw new Error(`standby.json is of protocol ${standby.protocol}, this program of ${PROTOCOL_VERSION}`);
  return standby;
}
