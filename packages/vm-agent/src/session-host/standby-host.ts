/**
 * A session host that is started before its session. Without a token, a credential or a session file it holds nothing of any
 * task. Keeps S1 [R25].
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import { errorMessage, jsonLogger, systemClock, systemRandom, systemTimers } from "@samovar/base";
import type { HostStandby, StandbyAssignment } from "@samovar/contracts";
import { PROTOCOL_VERSION, hostStandby, standbyAssignment } from "@samovar/contracts";
import { reportReady } from "@samovar/processes";
import { createWorkspaceNetwork } from "../runtime/network/create-network.ts";
import { runSessionHost } from "./main.ts";
import { endStandby, startStandby } from "./standby.ts";

/** `vm-agent session-host --standby <directory>`: serves the session that is assigned on stdin, or exits when stdin ends. */
export async function runStandbyHost(directory: string, input: Readable): Promise<number> {
  const file = openSync(join(directory, "standby.log"), "a", 0o600);
  const log = jsonLogger({ clock: systemClock, write: (line) => void writeSync(file, `${line}\n`) });
  try {
    const setup = readStandby(directory);
    if (setup.user !== null) process.umask(0o022);
    const assignment = readAssignment(input);
    const network = createWorkspaceNetwork(setup, { log });
    // Its failure is reported where it is used.
    network?.start().catch(() => {});
    const standby = await startStandby(setup, log, { random: systemRandom, timers: systemTimers, network });
    reportReady(process.env);
    const assigned = await assignment;
    if (assigned !== null) return await runSessionHost(assigned.directory, { standby, network });
    await endStandby(standby, setup);
    await network?.close();
    return 0;
  } catch (error) {
    log.error("standby.failed", { error: errorMessage(error) });
    return 1;
  } finally {
    closeSync(file);
  }
}

/** Null when the input ends first, so that no session will be assigned. */
function readAssignment(input: Readable): Promise<StandbyAssignment | null> {
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
    throw new Error(`standby.json has protocol version ${standby.protocol}, this program has ${PROTOCOL_VERSION}`);
  return standby;
}
