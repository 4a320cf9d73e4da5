/** Connects to the Samovar that a command uses: the one of its data directory, or one on another machine. */
import { type Clock, type Random, RunningClock, type Timers } from "@samovar/base";
import type { Remote } from "../contexts.ts";
import { readInstance } from "../instance.ts";
import type { Terminal } from "../output/terminal.ts";
import { CliError } from "./errors.ts";
import { SamovarClient } from "./samovar-client.ts";
import type { Endpoint, Transport } from "./http.ts";
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
  /** Null: the Samovar of the data directory. */
  readonly remote: Remote | null;
  readonly terminal: Pick<Terminal, "note">;
}

/** A client that sends each request once, for callers with their own retries. */
export function createClient(endpoint: Endpoint, { clock, timers, random }: ClientPorts): SamovarClient {
  return new SamovarClient(endpoint, random, createOneShotTransport(endpoint, new RunningClock(clock, timers)));
}

/** A client without retries; null when no Samovar is known. */
export async function findSamovar(ports: ConnectPorts): Promise<SamovarClient | null> {
  if (ports.remote !== null) return createClient(ports.remote, ports);
  const instance = await readInstance(ports.dataDir);
  return instance === null ? null : createClient({ url: instance.url, token: instance.apiToken }, ports);
}

/**
 * A client that retries while Samovar starts, or runs without answering. Throws {@link UnreachableError} when no
 * Samovar is running.
 */
export async function requireSamovar(ports: ConnectPorts): Promise<SamovarClient> {
  const { clock, timers, random, terminal } = ports;
  const printed = new Set<string>();
  const retryPorts: RetryPorts = {
    time: new RunningClock(clock, timers),
    ...locate(ports),
    note(sentence) {
      if (!printed.has(sentence)) terminal.note(sentence);
      printed.add(sentence);
    },
  };
  const { url, apiToken: token } = await waitUntilRunning(retryPorts);
  const transport = createRetryingTransport(retryPorts);
  return new SamovarClient(
    { url, token },
    random,
    ports.remote === null ? transport : adviseToSignIn(ports.remote, transport),
  );
}

function locate({ dataDir, remote }: ConnectPorts): Pick<RetryPorts, "presence" | "instance"> {
  if (remote === null) return { presence: () => readPresence(dataDir), instance: () => readInstance(dataDir) };
  const { url, token: apiToken } = remote;
  return { presence: async () => ({ state: "remote", url }), instance: async () => ({ url, apiToken }) };
}

/** Starting Samovar here does not renew a token of another machine. */
const adviseToSignIn =
  ({ name, url }: Remote, transport: Transport): Transport =>
  async (request, rules) => {
    try {
      return await transport(request, rules);
    } catch (error) {
      if (!(error instanceof CliError) || error.code !== "unauthenticated") throw error;
      const how = name === null ? "Set SAMOVAR_TOKEN to a valid token." : `Sign in again with: samovar login ${url}`;
      throw new CliError(error.message, how, error.code);
    }
  };
