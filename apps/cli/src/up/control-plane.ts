/**
 * Runs the built Worker in workerd, with its databases, objects, alarms and workflows on disk. Miniflare restarts
 * workerd when it crashes. A workerd that outlived its CLI is killed before a new one starts.
 */
import { readFile, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Logger } from "@samovar/base";
import { parseJson } from "@samovar/base";
import { applyMigrations, EarlierVersionError, NewerVersionError } from "@samovar/api/database/migrate";
import { parseWranglerConfig, toMiniflareOptions } from "@samovar/api/wrangler-config";
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";
import { root } from "../checkout-root.ts";
import { CliError } from "../client/errors.ts";
import type { DataDirectory } from "./data-directory.ts";
import { findChildren, findHolders, isHolding, isRunning, readProcessStart } from "./processes.ts";
import { getRuntimeFile, readRuntimeRecord, type RuntimeRecord, writeRuntimeRecord } from "./runtime-record.ts";

const api = join(root, "apps/api");
const RECORD_PAUSE_MS = 100;
const ENDING_PAUSE_MS = 5;
const ENDING_TIMEOUT_MS = 10_000;
/**
 * V8 collects garbage when its heaps have grown, but workerd's heaps stay small: what their garbage holds outside the
 * heap (streams, calls, connections) would pile up to hundreds of MiB. These flags make it collect earlier.
 */
const RUNTIME_V8_FLAGS = "--initial-old-space-size=8 --max-semi-space-size=2 --heap-growing-percent=15";

export interface ControlPlane {
  readonly url: string;
  /** Runs the Worker's scheduled handler once. */
  tick(cron: string): Promise<void>;
  close(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly directory: DataDirectory;
  /** The address to listen on. */
  readonly host: string;
  readonly port: number;
  /** Where programs on this computer reach it. */
  readonly url: string;
  /** The Worker's settings and secrets. */
  readonly settings: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { directory, host, port, url, settings, logger } = options;
  await endLeftoverRuntimes(directory, logger);
  await requireFreePort(port, host);
  const config = parseWranglerConfig(await readFile(join(api, "wrangler.jsonc"), "utf8"));
  const bindings = toMiniflareOptions(config);
  const main = resolve(api, config.main);
  // Miniflare has no option for these flags. A value from the environment takes precedence.
  process.env["MINIFLARE_WORKERD_V8_FLAGS"] ??= RUNTIME_V8_FLAGS;
  const miniflare = keepSignalHandlers(
    () =>
      new Miniflare(
        convertV4MiniflareOptions({
          // Miniflare's own entry, for migrations and scheduled events, on a separate port.
          host: "127.0.0.1",
          port: 0,
          log: new Log(LogLevel.ERROR),
          handleStructuredLogs: ({ level, message }) => forwardLog(logger, level, message),
          resourcePersistencePath: directory.state,
          telemetry: { enabled: false },
          unsafeHandleRuntimeRestart: async () => void (await recordRuntime(directory)),
          cf: false,
          workers: [
            {
              name: config.name,
              ...bindings,
              modules: [{ type: "ESModule", path: main }],
              modulesRoot: dirname(main),
              bindings: settings,
              // Callers reach the Worker itself: Miniflare's entry believes what `MF-…` headers say about a request's address
              // and route, and answers an error with its stack.
              unsafeDirectSockets: [{ host, port }],
              assets: { ...bindings.assets, directory: resolve(api, config.assets.directory) },
            },
          ],
        }),
      ),
  );
  await Promise.all([miniflare.ready, recordFirstRuntime(miniflare, directory)]);
  const close = async () => {
    await miniflare.dispose();
    await rm(getRuntimeFile(directory.path), { force: true });
  };
  try {
    await applyMigrations(await miniflare.getD1Database(config.d1_databases[0].binding), await migrationFiles());
  } catch (error) {
    await close();
    if (error instanceof EarlierVersionError) throw refuseEarlierData(directory);
    throw error instanceof NewerVersionError ? refuseNewerData(directory, error) : error;
  }
  return {
    url,
    tick: async (cron) => {
      const worker = await miniflare.getWorker();
      await worker.scheduled({ cron, scheduledTime: new Date() });
    },
    close,
  };
}

/**
 * Miniflare exits the process at the first signal, in the middle of our own shutdown. This removes its signal handlers
 * and keeps the one for `exit`, which ends workerd.
 */
function keepSignalHandlers<T>(make: () => T): T {
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const before = new Map(signals.map((signal) => [signal, new Set(process.listeners(signal))]));
  const made = make();
  for (const signal of signals) {
    for (const listener of process.listeners(signal)) {
      if (before.get(signal)?.has(listener) === false) process.off(signal, listener);
    }
  }
  return made;
}

/** Forwards the Worker's JSON log lines; any other line becomes a `worker.printed` event. */
function forwardLog(logger: Logger, level: string, message: string): void {
  const fields = parseLogLine(message);
  const event = typeof fields?.["event"] === "string" ? fields["event"] : "worker.printed";
  const { at: _at, level: reportedLevel, event: _event, ...rest } = fields ?? { message };
  const severity = typeof reportedLevel === "string" ? reportedLevel : level;
  if (severity === "error") logger.error(event, rest);
  else if (severity === "warn") logger.warn(event, rest);
  else if (severity === "debug") logger.debug(event, rest);
  else logger.info(event, rest);
}

function parseLogLine(text: string): Record<string, unknown> | null {
  const value = parseJson(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
}

async function migrationFiles(): Promise<{ name: string; sql: string }[]> {
  const folder = join(api, "migrations");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  return Promise.all(names.map(async (name) => ({ name, sql: await readFile(join(folder, name), "utf8") })));
}

const refuseEarlierData = ({ path }: DataDirectory): CliError =>
  new CliError(
    `The data directory ${path} was made by an earlier Samovar, whose data this version cannot use.`,
    "Start with an empty one: samovar up --data-dir DIR",
  );

const refuseNewerData = ({ path }: DataDirectory, { migration }: NewerVersionError): CliError =>
  new CliError(
    `A newer Samovar has used the data directory ${path}: its database has the migration ${migration}. Nothing was changed.`,
    `Start a version that has ${migration}, or start with another directory: samovar up --data-dir DIR`,
  );

/** Throws {@link CliError} when another program listens on the port, or the address is not this computer's. */
async function requireFreePort(port: number, host: string): Promise<void> {
  const code = await probePort(port, host);
  if (code === null) return;
  if (code === "EADDRNOTAVAIL")
    throw new CliError(`${host} is no address of this computer.`, "Choose one that is with --host ADDRESS.");
  throw new CliError(
    code === "EADDRINUSE" ? `Port ${port} is in use by another program.` : `Port ${port} cannot be used (${code}).`,
    "Choose another with --port PORT, or stop that program.",
  );
}

export async function isFreePort(port: number): Promise<boolean> {
  return (await probePort(port)) === null;
}

/** The system's error code when the port cannot be used; null when it can. */
async function probePort(port: number, host = "127.0.0.1"): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    probe.listen({ port, host, exclusive: true }, () => probe.close(() => resolve(null)));
  });
}

/** A free port on loopback. */
export async function findFreePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

/** Records workerd as soon as it runs, because a CLI that is killed during the start leaves a workerd behind too. */
async function recordFirstRuntime(miniflare: Miniflare, directory: DataDirectory): Promise<void> {
  const started = miniflare.ready.then(
    () => true,
    () => true,
  );
  for (let over = false; !(await recordRuntime(directory)) && !over;)
    over = await Promise.race([started, setTimeout(RECORD_PAUSE_MS, false)]);
}

/** Returns false while there is no workerd. */
async function recordRuntime(directory: DataDirectory): Promise<boolean> {
  const [pid] = await findChildren(process.pid, "workerd");
  const start = pid === undefined ? null : await readProcessStart(pid);
  if (pid === undefined || start === null) return false;
  await writeRuntimeRecord(directory.path, { pid, start });
  return true;
}

/**
 * workerd survives when its CLI is killed, and two of them must never share a state directory or a port. One that
 * started just before the kill may not be recorded, so this also searches for processes with open files there.
 */
async function endLeftoverRuntimes(directory: DataDirectory, logger: Logger): Promise<void> {
  const record = await readRuntimeRecord(directory.path);
  const found = await findHolders(directory.path, "workerd");
  const leftovers = new Map([...(record === null ? [] : [record]), ...found].map((each) => [each.pid, each]));
  for (const leftover of leftovers.values()) await endLeftoverRuntime(leftover, logger);
}

async function endLeftoverRuntime({ pid, start }: RuntimeRecord, logger: Logger): Promise<void> {
  if (await isRunning(pid, start)) {
    logger.warn("runtime.leftover_killed", { pid });
    process.kill(pid, "SIGKILL");
  }
  for (let waited = 0; await isHolding(pid, start); waited += ENDING_PAUSE_MS) {
    if (waited >= ENDING_TIMEOUT_MS)
      throw new CliError(`An earlier workerd (process ${pid}) does not exit.`, "Kill that process, then try again.");
    await setTimeout(ENDING_PAUSE_MS);
  }
}
