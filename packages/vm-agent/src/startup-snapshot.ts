/**
 * A startup snapshot of this program: session hosts and the script agent start from it with their modules loaded, in less than
 * half of the CPU time. Made once for each Node and vm-agent. Best effort: without one, they start from the module.
 * See https://nodejs.org/api/cli.html#--build-snapshot.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, open, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Logger } from "@samovar/base";
import { errorMessage, parseJson } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { isAlive, lowerArgv, markProcess } from "@samovar/processes";
import * as z from "zod";
import { AGENT_VERSION } from "./settings.ts";
import { PASSABLE } from "./users/places.ts";

/** argv that starts this vm-agent again, up to its subcommand. It may change while a daemon runs. */
export type SelfCommand = () => readonly [file: string, ...args: string[]];

export interface SnapshotPorts {
  readonly node: string;
  /** The vm-agent's module. Sources cannot be in a snapshot, only the bundle. */
  readonly module: string;
  /** Several daemons of one computer may share it. */
  readonly directory: string;
  readonly logger: Logger;
}

const BUNDLED = /\.cjs$/;
/** For programs that are stopped or starved; a plain start is used meanwhile. */
const PROGRAM_TIMEOUT_MS = 120_000;

export class StartupSnapshot {
  readonly #ports: SnapshotPorts;
  #file: string | null = null;

  constructor(ports: SnapshotPorts) {
    this.#ports = ports;
  }

  readonly self: SelfCommand = () => {
    const { node, module } = this.#ports;
    // It appears when it is complete and has been tried, perhaps by another daemon, and a newer version may remove it.
    return this.#file !== null && existsSync(this.#file) ? [node, "--snapshot-blob", this.#file] : [node, module];
  };

  /** Makes it unless there is one that works. Never throws. */
  async prepare(): Promise<void> {
    const { module, directory, logger } = this.#ports;
    if (!BUNDLED.test(module)) return;
    try {
      const key = sha256(await readFile(module)).slice(0, 16);
      const place = join(directory, `${process.version}-${process.arch}-${key}`);
      const file = join(place, "vm-agent.snapshot");
      await mkdir(place, { recursive: true });
      await chmod(place, PASSABLE);
      if (existsSync(file) && !(await this.#works(file))) await rm(file, { force: true });
      if (!existsSync(file)) await this.#makeOnce(file);
      // The script agent starts from it as the workspace's user.
      if (existsSync(file)) await chmod(file, 0o644);
      this.#file = file;
    } catch (error) {
      logger.warn("snapshot.failed", { error: errorMessage(error) });
    }
  }

  /** Does nothing while another daemon makes it. */
  async #makeOnce(file: string): Promise<void> {
    const lock = `${file}.lock`;
    if (!(await tryLock(lock))) return;
    try {
      await this.#make(file);
      await removeOthers(dirname(file));
    } finally {
      await rm(lock, { force: true });
    }
  }

  async #make(file: string): Promise<void> {
    const { node, module, logger } = this.#ports;
    const partial = `${file}.partial`;
    await runQuietly([node, "--snapshot-blob", partial, "--build-snapshot", module]);
    if (!(await this.#works(partial))) throw new Error("a program does not start from the snapshot");
    await syncFile(partial);
    await rename(partial, file);
    logger.info("snapshot.made", { file });
  }

  async #works(file: string): Promise<boolean> {
    try {
      return (await runQuietly([this.#ports.node, "--snapshot-blob", file, "version"])) === `${AGENT_VERSION}\n`;
    } catch {
      return false;
    }
  }
}

const run = promisify(execFile);

async function runQuietly(argv: readonly [string, ...string[]]): Promise<string> {
  const [file, ...args] = lowerArgv(argv, process.env["PATH"]);
  const { stdout } = await run(file, args, { timeout: PROGRAM_TIMEOUT_MS, killSignal: "SIGKILL" });
  return stdout;
}

const lockHolder = z.object({ pid: z.number().int(), startTime: z.string().nullable() });

/** False while the process that locked it lives. */
async function tryLock(lock: string): Promise<boolean> {
  if (await createLock(lock)) return true;
  const holder = lockHolder.safeParse(parseJson(await readFile(lock, "utf8").catch(() => "")));
  if (holder.success && isAlive(holder.data)) return false;
  await rm(lock, { force: true });
  return createLock(lock);
}

async function createLock(lock: string): Promise<boolean> {
  try {
    await writeFile(lock, JSON.stringify(markProcess(process.pid)), { flag: "wx", mode: 0o600 });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Snapshots of earlier versions. A daemon that still uses one starts its programs from its module then. */
async function removeOthers(place: string): Promise<void> {
  const others = (await readdir(dirname(place))).filter((name) => name !== basename(place));
  await Promise.all(others.map((name) => rm(join(dirname(place), name), { recursive: true, force: true })));
}
