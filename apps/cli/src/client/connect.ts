/** The running Samovar of a data directory. */
import { type Clock, type Random, RunningClock, type Timers } from "@samovar/base";
import { readInstance } from "../instance.ts";
import type { Terminal } from "../output/terminal.ts";
import { SamovarClient } from "./samovar-client.ts";
import type { Endpoint } from "./http.ts";
import { once, patient, type PatiencePorts, untilRunning } from "./patience.ts";
import { readPresence } from "./presence.ts";

export interface ClientPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
}

export interface ConnectPorts extends ClientPorts {
  readonly dataDir: string;
  readonly terminal: Pick<Terminal, "note">;
}

/** A client that asks once, for callers that ask again by themselves. */
export function directClient(endpoint: Endpoint, { clock, timers, random }: ClientPorts): SamovarClient {
  return new SamovarClient(endpoint, random, once(endpoint, new RunningClock(clock, timers)));
}

/** A {@link directClient} of the instance file; null when there is none. */
export async function findSamovar(ports: ConnectPorts): Promise<SamovarClient | null> {
  const instance = await readInstance(ports.dataDir);
  return instance === null ? null : directClient({ url: instance.url, token: instance.apiToken }, ports);
}

/**
 * A client that goes on asking while Samovar starts, or lives and does not answer. Throws {@link UnreachableError} when
 * none is there.
 */
export async function requireSamovar(ports: ConnectPorts): Promise<SamovarClient> {
  const { dataDir, clock, timers, random, terminal } = ports;
  const noted = new Set<string>();
  const patience: PatiencePorts = {
    time: new RunningClock(clock, timers),
    presence: () => readPresence(dataDir),
    instance: () => readInstance(dataDir),
    note(sentence) {
      if (!noted.has(sentence)) terminal.note(sentence);
      noted.add(sentence);
    },
  };
  const { url, apiToken: token } = await untilRunning(patience);
  return new SamovarClient({ url, token }, random, patient(patience));
}
