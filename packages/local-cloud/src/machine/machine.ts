/**
 * A server as a process tree: boots from its user data, keeps its services running, can be powered off and removed.
 * What must be known after a restart of the cloud is in {@link MachineState}, saved at each change.
 */
import { readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import type { Logger, Timers } from "@samovar/base";
import { parseUserData, type UserData } from "@samovar/cloud-init";
import type { CpuGroup, StartGate } from "@samovar/processes";
import * as z from "zod";
import { makePassable } from "./make-directory.ts";
import { endProcesses } from "./end-processes.ts";
import { type Environment, MARK } from "./environment.ts";
import { runFirstBoot } from "./first-boot.ts";
import type { Layout } from "./layout.ts";
import { logFile } from "./log-file.ts";
import { isAlive, findMembers, type ProcessIdentity, processIdentity, type ProcessTable } from "./process-table.ts";
import { type Service, service } from "./service.ts";

export const machineState = z.object({
  /** The first boot is through. */
  provisioned: z.boolean(),
  enabledUnits: z.array(z.string()),
  /** Main process of each service that runs. */
  mains: z.record(z.string(), processIdentity),
});
export type MachineState = z.infer<typeof machineState>;
export const NEW_MACHINE: MachineState = { provisioned: false, enabledUnits: [], mains: {} };

export interface MachineOptions {
  readonly layout: Layout;
  readonly environment: Environment;
  readonly bootDelayMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopGraceMs: number;
  readonly table: ProcessTable;
  readonly timers: Timers;
  readonly logger: Logger;
  /** A boot is one start: from its first command until its services run. */
  readonly starts: StartGate;
  readonly enterGroup: CpuGroup["enter"];
  readonly state: MachineState;
  /** Must be durable when it returns. */
  readonly save: (state: MachineState) => void;
}

export interface Machine {
  /** Resolves when it is switched on; booting goes on. Rejects when it was switched off meanwhile. */
  powerOn(): Promise<void>;
  /** Goes on with what still runs; false when nothing does. */
  adopt(): boolean;
  /** Resolves when no process is left; rejects when one cannot be ended. */
  powerOff(): Promise<void>;
  /** Powers off and removes the disk. */
  destroy(): Promise<void>;
  /** Stops looking after it; its processes go on. */
  leave(): void;
}

export function machine(options: MachineOptions): Machine {
  const { layout, environment, table, timers, logger } = options;
  const marker = `${MARK}=${environment[MARK] ?? ""}`;
  const bootLog = logFile(layout.logs, "cloud-init.log");
  let state = options.state;
  let power = new AbortController();
  let booting: Promise<void> = Promise.resolve();
  let services: Service[] = [];

  const update = (change: Partial<MachineState>) => {
    state = { ...state, ...change };
    options.save(state);
  };

  function userData(): UserData | null {
    const text = readFileSync(layout.seed, "utf8");
    if (text.trim() === "") return null;
    const parsed = parseUserData(text);
    if (parsed.ok) return parsed.value;
    bootLog.line(parsed.error);
    logger.warn("server.user_data_refused", { reason: parsed.error });
    return null;
  }

  async function boot(signal: AbortSignal): Promise<void> {
    const seed = userData();
    if (seed === null) return;
    const permit = await options.starts.enter({ signal });
    try {
      const names = await unitsToStart(seed, signal);
      if (names !== null) await Promise.all(startServices(seed, names));
    } finally {
      permit.release();
    }
  }

  /** Null when it was switched off meanwhile. */
  async function unitsToStart(seed: UserData, signal: AbortSignal): Promise<readonly string[] | null> {
    if (signal.aborted) return null;
    if (state.provisioned) return state.enabledUnits;
    const outcome = await runFirstBoot({
      userData: seed,
      layout,
      environment,
      enterGroup: options.enterGroup,
      log: bootLog,
      signal,
    });
    if (outcome === null) return null;
    update({ provisioned: true, enabledUnits: [...outcome.enabled] });
    return outcome.started;
  }

  /** The starts, one for each service. */
  function startServices(seed: UserData, names: readonly string[]): Promise<void>[] {
    const living = findMembers(table, marker, []);
    const starting: Promise<void>[] = [];
    for (const [name, unit] of Object.entries(seed.units)) {
      if (!names.includes(name)) continue;
      const remember = (main: ProcessIdentity | null) => {
        const { [name]: _, ...others } = state.mains;
        update({ mains: main === null ? others : { ...others, [name]: main } });
      };
      const log = logFile(layout.logs, `${name.replace(/\.service$/, "")}.log`);
      const one = service({
        unit,
        layout,
        environment,
        log,
        table,
        timers,
        logger: logger.with({ unit: name }),
        starts: options.starts,
        enterGroup: options.enterGroup,
        remember,
      });
      services.push(one);
      const remembered = state.mains[name];
      // Started, but the cloud died before it was written down: known by its command line.
      const unwritten = () =>
        living.find((entry) => entry.argv.slice(0, one.argv.length).join("\0") === one.argv.join("\0"));
      const main = remembered !== undefined && isAlive(table, remembered) ? remembered : identityOf(unwritten());
      starting.push(one.start(main));
    }
    return starting;
  }

  function release(): void {
    power.abort();
    for (const one of services) one.release();
    services = [];
  }

  async function powerOff(): Promise<void> {
    release();
    const roots = Object.values(state.mains);
    const ended = await endProcesses({ table, timers, marker, roots, graceMs: options.stopGraceMs });
    await booting;
    if (!ended) throw new Error("a process of the server could not be ended");
    update({ mains: {} });
  }

  return {
    async powerOn() {
      makePassable(dirname(layout.root));
      makePassable(layout.root);
      release();
      power = new AbortController();
      const { signal } = power;
      await booting;
      await delay(timers, options.bootDelayMs, signal);
      signal.throwIfAborted();
      booting = boot(signal).catch((error: unknown) => {
        bootLog.line(String(error));
        logger.error("server.boot_failed", { error });
      });
    },
    adopt() {
      if (!state.provisioned || findMembers(table, marker, Object.values(state.mains)).length === 0) return false;
      const seed = userData();
      if (seed !== null) void Promise.all(startServices(seed, state.enabledUnits));
      return true;
    },
    powerOff,
    async destroy() {
      await powerOff();
      for (const path of [layout.root, layout.logs, layout.seed])
        rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    },
    leave: release,
  };
}

const identityOf = (entry: ProcessIdentity | undefined): ProcessIdentity | null =>
  entry === undefined ? null : { pid: entry.pid, born: entry.born };

function delay(timers: Timers, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = timers.after(delayMs, resolve);
    signal.addEventListener("abort", () => {
      cancel();
      resolve();
    });
  });
}
