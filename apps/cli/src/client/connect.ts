/** Connects to the Samovar that runs on a data directory. */
import { type Clock, type Random, RunningClock, type Timers } from "@samovar/base";
import { readInstance } from "../instance.ts";
import type { Terminal } from "../output/terminal.ts";
import { SamovarClient } from "./samovar-client.ts";
import type { Endpoint } from "./http.ts";
import {
  createOneShotTransport,
  createRetryingTransport,
  type RetryPorts,
  waitUntilRunning,
} from "./retrying-transport.ts";
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

/** A client that sends each request once, for callers with their own retries. */
export function createClient(endpoint: Endpoint, { clock, timers, random }: ClientPorts): SamovarClient {
  return new SamovarClient(endpoint, random, createOneShotTransport(endpoint, new RunningClock(clock, timers)));
}

/** A client for the instance file's address, without retries; null when there is no instance file. */
export async function findSamovar(ports: ConnectPorts): Promise<SamovarClient | null> {
  const instance = await readInstance(ports.dataDir);
  return instance === null ? null : createClient({ url: instance.url, token: instance.apiToken }, ports);
}

/**
 * A client that retries while Samovar starts, or runs without answering. Throws {@link UnreachableError} when no
 * Samovar is running.
 */
export async function requireSamovar(ports: ConnectPorts): Promise<SamovarClient> {
  const { dataDir, clock, timers, random, terminal } = ports;
  const printed = new Set<string>();
  const retryPorts: RetryPorts = {
    time: new RunningClock(clock, timers),
    presence: () => readPresence(dataDir),
    instance: () => readInstance(dataDir),
    note(sentence) {
      if (!printed.has(sentence)) terminal.note(sentence);
      printed.add(sentence);
    },
  };
  const { url, apiToken: token } = await waitUntilRunning(retryPorts);
  return new SamovarClient({ url, token }, random, createRetryingTransport(retryPorts));
}
