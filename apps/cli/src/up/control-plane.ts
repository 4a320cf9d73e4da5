/**
 * The built Worker in workerd, with its databases, objects, alarms and workflows kept on disk. Miniflare starts
 * workerd again when it crashes; a workerd that outlived its CLI is ended before a new one starts.
 */
import { readFile, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Logger } from "@samovar/base";
import { parseJson } from "@samovar/base";
import { applyMigrations, EarlierVersionError } from "@samovar/api/database/migrate";
import { Log, LogLevel, Miniflare, convertV4MiniflareOptions } from "miniflare";
import * as z from "zod";
import { root } from "../checkout.ts";
import { CliError } from "../client/errors.ts";
import { readJson, writeAtomically } from "../files.ts";
import type { DataDirectory } from "./data-directory.ts";
import { childrenNamed, holdersOf, isHolding, isRunning, processStart } from "./processes.ts";

const dist = join(root, "dist");
const RECORD_PAUSE_MS = 100;
const ENDING_PAUSE_MS = 5;
const ENDING_PATIENCE_MS = 10_000;
/**
 * V8 collects when its own heaps have grown much, and theirs stay small: what their garbage holds outside of them
 * (streams, calls, connections) would pile up for hundreds of MiB. So it collects earlier and more often.
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
  readonly port: number;
  /** The Worker's settings and secrets. */
  readonly settings: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { directory, port, settings, logger } = options;
  await endStrayRuntimes(directory, logger);
  await requireFreePort(port);
  // Miniflare has no option for it; whoever set it means it.
  process.env["MINIFLARE_WORKERD_V8_FLAGS"] ??= RUNTIME_V8_FLAGS;
  const miniflare = orderly(
    () =>
      new Miniflare(
        convertV4MiniflareOptions({
          host: "127.0.0.1",
          port,
          log: new Log(LogLevel.ERROR),
          handleStructuredLogs: ({ level, message }) => forward(logger, level, message),
          resourcePersistencePath: directory.state,
          telemetry: { enabled: false },
          unsafeHandleRuntimeRestart: async () => void (await recordRuntime(directory)),
          cf: false,
          workers: [
            {
              name: "samovar",
              modules: [{ type: "ESModule", path: join(dist, "worker/worker.js") }],
              modulesRoot: join(dist, "worker"),
              compatibilityDate: "2026-10-01",
              compatibilityFlags: ["nodejs_compat"],
              bindings: settings,
              d1Databases: { DB: "samovar" },
              durableObjects: {
                PROJECT_DATA: { className: "ProjectData", useSQLite: true },
                NODE_LIFECYCLE: { className: "NodeLifecycle", useSQLite: true },
              },
              workflows: { TASK_RUN: { name: "task-run", className: "TaskRun" } },
              assets: {
                directory: join(dist, "web"),
                binding: "ASSETS",
                routerConfig: { has_user_worker: true, invoke_user_worker_ahead_of_assets: true },
                assetConfig: { not_found_handling: "single-page-application" },
              },
            },
          ],
        }),
      ),
  );
  const [{ origin: url }] = await Promise.all([miniflare.ready, recordFirstRuntime(miniflare, directory)]);
  const close = async () => {
    await miniflare.dispose();
    await rm(runtimeFile(directory), { force: true });
  };
  try {
    await applyMigrations(await miniflare.getD1Database("DB"), await migrationFiles());
  } catch (error) {
    await close();
    throw error instanceof EarlierVersionError ? refuseEarlierData(directory) : error;
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
 * Miniflare ends the whole process at the first signal, in the middle of our own stop. Its handlers are taken off
 * again; the one for `exit`, which ends workerd, stays.
 */
function orderly<T>(make: () => T): T {
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

/** What the Worker prints is JSON lines already; anything else becomes an event of its own. */
function forward(logger: Logger, level: string, message: string): void {
  const fields = parseLine(message);
  const event = typeof fields?.["event"] === "string" ? fields["event"] : "worker.printed";
  const { at: _at, level: said, event: _event, ...rest } = fields ?? { message };
  const severity = typeof said === "string" ? said : level;
  if (severity === "error") logger.error(event, rest);
  else if (severity === "warn") logger.warn(event, rest);
  else if (severity === "debug") logger.debug(event, rest);
  else logger.info(event, rest);
}

function parseLine(text: string): Record<string, unknown> | null {
  const value = parseJson(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
}

async function migrationFiles(): Promise<{ name: string; sql: string }[]> {
  const folder = join(root, "apps/api/migrations");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".sql")).toSorted();
  return Promise.all(names.map(async (name) => ({ name, sql: await readFile(join(folder, name), "utf8") })));
}

const refuseEarlierData = ({ path }: DataDirectory): CliError =>
  new CliError(
    `The data directory ${path} was made by an earlier Samovar, whose data this version cannot use.`,
    "Start with an empty one: samovar up --data-dir DIR",
  );

/** Throws {@link CliError} when something listens there already. */
async function requireFreePort(port: number): Promise<void> {
  const code = await portFault(port);
  if (code === null) return;
  throw new CliError(
    code === "EADDRINUSE" ? `Port ${port} is in use by another program.` : `Port ${port} cannot be used (${code}).`,
    "Choose another with --port PORT, or stop that program.",
  );
}

export async function isFreePort(port: number): Promise<boolean> {
  return (await portFault(port)) === null;
}

/** The system's code for why nothing can listen there; null when something can. */
async function portFault(port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(null)));
  });
}

/** A port of loopback that is free now. */
export async function freePort(): Promise<number> {
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

const runtimeRecord = z.object({ pid: z.number().int().positive(), start: z.string() });
const runtimeFile = (directory: DataDirectory) => join(directory.path, "runtime.json");

/** As soon as there is one: a CLI that is killed while it starts leaves a workerd behind too. */
async function recordFirstRuntime(miniflare: Miniflare, directory: DataDirectory): Promise<void> {
  const started = miniflare.ready.then(
    () => true,
    () => true,
  );
  for (let over = false; !(await recordRuntime(directory)) && !over;)
    over = await Promise.race([started, setTimeout(RECORD_PAUSE_MS, false)]);
}

/** False while there is no workerd. */
async function recordRuntime(directory: DataDirectory): Promise<boolean> {
  const [pid] = await childrenNamed(process.pid, "workerd");
  const start = pid === undefined ? null : await processStart(pid);
  if (pid === undefined || start === null) return false;
  await writeAtomically(runtimeFile(directory), JSON.stringify({ pid, start }));
  return true;
}

/**
 * workerd lives on when its CLI is killed; two of them must never share one state directory, nor one port. One that was
 * started just before the kill may not have been written down: its open files tell.
 */
async function endStrayRuntimes(directory: DataDirectory, logger: Logger): Promise<void> {
  const record = runtimeRecord.safeParse(await readJson(runtimeFile(directory)));
  const found = await holdersOf(directory.path, "workerd");
  const strays = new Map([...(record.success ? [record.data] : []), ...found].map((each) => [each.pid, each]));
  for (const stray of strays.values()) await endStrayRuntime(stray, logger);
}

async function endStrayRuntime({ pid, start }: z.infer<typeof runtimeRecord>, logger: Logger): Promise<void> {
  if (await isRunning(pid, start)) {
    logger.warn("runtime.stray_ended", { pid });
    process.kill(pid, "SIGKILL");
  }
  for (let waited = 0; await isHolding(pid, start); waited += ENDING_PAUSE_MS) {
    if (waited >= ENDING_PATIENCE_MS)
      throw new CliError(`An earlier workerd (process ${pid}) does not end.`, "End it.");
    await setTimeout(ENDING_PAUSE_MS);
  }
}
