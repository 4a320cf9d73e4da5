/** One service of a server, kept running as its unit says, also across restarts of the cloud itself. */
import { spawn } from "node:child_process";
import { closeSync, existsSync } from "node:fs";
import { join } from "node:path";
import { errorMessage, type Logger, type Timers } from "@samovar/base";
import type { ServiceUnit } from "@samovar/cloud-init";
import {
  type CpuGroup,
  lowerArgv,
  lowerGroup,
  READY_ENVIRONMENT,
  type StartGate,
  untilReady,
} from "@samovar/processes";
import { type Environment, createServiceEnvironment } from "./environment.ts";
import { resolveInRoot, type Layout } from "./layout.ts";
import type { LogFile } from "./log-file.ts";
import { isAlive, type ProcessIdentity, type ProcessTable } from "./process-table.ts";

export interface ServiceOptions {
  readonly unit: ServiceUnit;
  readonly layout: Layout;
  readonly environment: Environment;
  readonly log: LogFile;
  readonly table: ProcessTable;
  readonly timers: Timers;
  readonly logger: Logger;
  /** For restarts; the first start belongs to the boot. */
  readonly starts: StartGate;
  readonly enterGroup: CpuGroup["enter"];
  /** Called when the main process changes; what it writes is durable before the next line runs. */
  readonly remember: (main: ProcessIdentity | null) => void;
}

export interface Service {
  /** Goes on with a process that lives already, or starts one. Resolves when the start is over, well or not. */
  start(living: ProcessIdentity | null): Promise<void>;
  /** No more restarts; the process itself is left alone. */
  release(): void;
  /** The argv that its main process has. */
  readonly argv: readonly string[];
}

/** How often a process that is not our child is looked at. */
const WATCH_MS = 200;
const BOUND_LOG_MS = 10_000;

export function service(options: ServiceOptions): Service {
  const { unit, layout, log, table, timers, logger, remember } = options;
  const argv = unit.execStart.map((word) => resolveInRoot(layout, word));
  const released = new AbortController();
  let cancelNext: (() => void) | null = null;
  let cancelBound: (() => void) | null = null;

  const later = (delayMs: number, then: () => void) => {
    cancelNext?.();
    cancelNext = timers.after(delayMs, then);
  };
  const boundLog = () => {
    log.bound();
    cancelBound = timers.after(BOUND_LOG_MS, boundLog);
  };

  function watch(main: ProcessIdentity): void {
    if (isAlive(table, main)) later(WATCH_MS, () => watch(main));
    else ended(main.pid, "unknown");
  }

  /** Also runs from a timer, where no caller catches errors: an error counts as an end. */
  async function launch(): Promise<void> {
    try {
      await spawnMain();
    } catch (error) {
      ended(null, errorMessage(error));
    }
  }

  async function relaunch(): Promise<void> {
    const permit = await options.starts.enter({ signal: released.signal });
    if (!released.signal.aborted) await launch();
    permit.release();
  }

  async function spawnMain(): Promise<void> {
    const missing = unit.requiredPaths.find((path) => !existsSync(join(layout.root, path)));
    if (missing !== undefined) {
      logger.warn("service.not_started", { missing });
      return;
    }
    const [command = "", ...args] = argv;
    const env = createServiceEnvironment(options.environment, unit, layout);
    const [file, ...words] = options.enterGroup(lowerArgv([command, ...args], env["PATH"]), env["PATH"]);
    const output = log.open();
    const child = spawn(file, words, {
      cwd: layout.root,
      env: { ...env, ...READY_ENVIRONMENT },
      detached: true,
      stdio: ["ignore", output, output, "pipe"],
    });
    closeSync(output);
    child.unref();
    lowerGroup(child);
    const started = untilReady(child, released.signal);
    child.once("error", (error) => ended(null, error.message));
    if (child.pid === undefined) return;
    const { pid } = child;
    child.once("exit", (code, signal) => ended(pid, String(signal ?? code)));
    remember(table.identify(pid));
    logger.info("service.started", { pid });
    await started;
  }

  function ended(pid: number | null, how: string): void {
    if (released.signal.aborted) return;
    if (pid !== null) remember(null);
    const again = unit.restart === "always" || (unit.restart === "on-failure" && how !== "0");
    logger.info("service.ended", { pid, how, again });
    if (again) later(unit.restartDelayMs, () => void relaunch());
  }

  return {
    argv,
    async start(living) {
      boundLog();
      if (living === null) return await launch();
      remember(living);
      logger.info("service.adopted", { pid: living.pid });
      watch(living);
    },
    release() {
      released.abort();
      cancelNext?.();
      cancelBound?.();
    },
  };
}
