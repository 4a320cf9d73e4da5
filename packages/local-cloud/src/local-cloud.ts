/** A cloud on one machine: Hetzner's API on loopback, servers as process trees, all of it below one directory. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { type Clock, type Logger, systemClock, systemTimers, type Timers } from "@samovar/base";
import { noStartGate, START_GATE_VARIABLE, startGate } from "@samovar/processes";
import { makePassable } from "./machine/make-directory.ts";
import { createApiApp } from "./api/app.ts";
import { type Cloud, type CloudOptions, openCloud } from "./cloud.ts";
import { getLayout } from "./machine/layout.ts";
import { processTable } from "./machine/process-table.ts";
import { serveStartGate, type StartGateServer } from "./start-gate/start-gate-server.ts";
import { StartPermits } from "./start-gate/start-permits.ts";
import { type ServerRecord, stateFile } from "./state.ts";

export interface LocalCloudOptions {
  /** Made when missing. One cloud at a time may use it. Keep it short: sockets live below it. */
  readonly dataDir: string;
  /** 0 or nothing: any free port. */
  readonly port?: number;
  /** What clients must send as bearer. */
  readonly token: string;
  /** The Node that servers find first on their PATH; 24 or newer. */
  readonly nodeBinary: string;
  /** How long each power-on takes before the server boots. */
  readonly bootDelayMs?: number;
  /** From asking a server's processes to end to killing them. */
  readonly stopGraceMs?: number;
  /** Added to the environment of all servers. `PATH` stands in place of the system's. */
  readonly serviceEnv?: Readonly<Record<string, string>>;
  /** How many processes of all servers may start at the same time; without it as many as like. */
  readonly concurrentStarts?: number;
  readonly logger: Logger;
  readonly clock?: Clock;
  readonly timers?: Timers;
}

export interface LocalServer {
  readonly id: number;
  readonly name: string;
  readonly status: ServerRecord["status"];
  readonly labels: Readonly<Record<string, string>>;
  /** Stands for `/` on the server. */
  readonly root: string;
  readonly logs: string;
}

export interface LocalCloud {
  /** With the API's version: `http://127.0.0.1:PORT/v1`. */
  readonly url: string;
  readonly port: number;
  servers(): readonly LocalServer[];
  /**
   * `stop` (the default) powers all servers off; the next start powers them on again. `leave` lets their
   * processes go on, to be adopted by the next start.
   */
  close(options?: { readonly servers: "stop" | "leave" }): Promise<void>;
}

const STOP_GRACE_MS = 5000;

/** Rejects when the port is taken, or the directory cannot be used. */
export async function startLocalCloud(options: LocalCloudOptions): Promise<LocalCloud> {
  const { dataDir, token, logger, clock = systemClock, timers = systemTimers } = options;
  let answer: ((request: Request) => Response | Promise<Response>) | null = null;
  const http = createAdaptorServer({ fetch: (request) => answer?.(request) ?? new Response(null, { status: 503 }) });
  // The port first: when it is taken, nothing has been touched yet.
  const port = await listen(http, options.port ?? 0);
  const gate = await openGate(options, { clock, timers });
  const undo = async () => {
    await stopListening(http);
    await gate?.server.close();
  };
  const cloud = await openCloudOr(undo, {
    dataDir,
    nodeBinary: options.nodeBinary,
    bootDelayMs: options.bootDelayMs ?? 0,
    stopGraceMs: options.stopGraceMs ?? STOP_GRACE_MS,
    serviceEnv: { ...options.serviceEnv, ...(gate === null ? {} : { [START_GATE_VARIABLE]: gate.path }) },
    starts: gate === null ? noStartGate : startGate(gate.path, timers),
    clock,
    timers,
    logger,
  });
  const app = createApiApp({ cloud, token, clock, logger });
  answer = (request) => app.fetch(request);
  return {
    url: `http://127.0.0.1:${port}/v1`,
    port,
    servers: () =>
      cloud.servers().map(({ id, name, status, labels }) => {
        const { root, logs } = getLayout(dataDir, id);
        return { id, name, status, labels: { ...labels }, root, logs };
      }),
    async close({ servers } = { servers: "stop" }) {
      await stopListening(http);
      await cloud.close(servers);
      await gate?.server.close();
    },
  };
}

/** Null when starts are not limited, or cannot be. */
async function openGate(
  { dataDir, concurrentStarts, logger }: LocalCloudOptions,
  { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
): Promise<{ readonly path: string; readonly server: StartGateServer } | null> {
  if (concurrentStarts === undefined) return null;
  makePassable(dataDir);
  const { isStopped } = processTable();
  const permits = new StartPermits({ count: concurrentStarts, clock, timers, isStopped });
  const path = join(dataDir, "starts.sock");
  const server = await serveStartGate(path, permits, logger);
  return server === null ? null : { path, server };
}

async function openCloudOr(undo: () => Promise<void>, options: Omit<CloudOptions, "file" | "table">): Promise<Cloud> {
  try {
    const file = stateFile(options.dataDir, () => randomBytes(8).toString("hex"));
    return openCloud({ ...options, file, table: processTable() });
  } catch (error) {
    await undo();
    throw error;
  }
}

type Listener = ReturnType<typeof createAdaptorServer>;

function listen(server: Listener, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("the server has no port"));
      else resolve(address.port);
    });
  });
}

function stopListening(server: Listener): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
}
