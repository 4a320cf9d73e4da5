/** `samovar backup FILE`: writes what a Samovar stores into one file, while it runs. */
import { existsSync } from "node:fs";
import { copyFile, link, mkdir, open, readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout } from "node:timers/promises";
import * as z from "zod";
import { root } from "../checkout-root.ts";
import { CliError } from "../client/errors.ts";
import { readPresence } from "../client/presence.ts";
import { type CommandContext, printJson } from "../commands/context.ts";
import { formatBytes } from "../output/units.ts";
import { readSecrets } from "../up/data-directory.ts";
import { lockDirectory } from "../up/lock.ts";
import { findRuntime } from "../up/runtime-record.ts";
import { type Manifest, packDirectory } from "./archive.ts";
import { takeSnapshot } from "./snapshot.ts";

const RESTART_POLL_MS = 50;
/** The name that means standard output. */
const STANDARD_OUTPUT = "-";

export interface BackedUp {
  readonly manifest: Manifest;
  readonly pausedMs: number;
}

/** `file`: must not exist; `-` for standard output. */
export async function backUp(file: string, context: CommandContext): Promise<number> {
  const { terminal, json, remote } = context;
  if (remote !== null)
    throw new CliError(
      `The Samovar at ${remote.url} stores its data on its own server.`,
      "Run the backup there, or name a data directory of this computer: --data-dir DIR",
    );
  const target = file === STANDARD_OUTPUT ? null : resolve(context.cwd, file);
  // Before the work: the file is also made in a way that replaces none.
  if (target !== null && existsSync(target)) throw refuseExisting(target);
  const { manifest, pausedMs } = await writeBackup(context, target);
  const bytes = manifest.files.reduce((sum, each) => sum + each.bytes, 0);
  if (target === null) return 0;
  if (json) {
    printJson(terminal, { file: target, createdAt: manifest.createdAt, files: manifest.files.length, bytes, pausedMs });
    return 0;
  }
  terminal.line(`Backed up to ${target}: ${manifest.files.length} files, ${formatBytes(bytes)} before compression.
Samovar stood still for ${Math.ceil(pausedMs)} ms.

The file holds the keys of this installation and is not encrypted; only you can read it. Keep it as you keep passwords, or
encrypt it: samovar backup - | age --encrypt --recipient … > FILE`);
  return 0;
}

async function writeBackup(context: CommandContext, target: string | null): Promise<BackedUp> {
  const { dataDir } = context;
  const secrets = await readSecrets(dataDir);
  if (secrets === null)
    throw new CliError(`There is no Samovar in ${dataDir}.`, "Name its data directory with --data-dir DIR.");
  const work = join(dataDir, "backup");
  await mkdir(work, { recursive: true, mode: 0o700 });
  const lock = await lockDirectory(work);
  const release = await holdStill(dataDir);
  try {
    const staging = join(work, "files");
    // Left by a backup that was killed.
    await rm(staging, { recursive: true, force: true });
    await mkdir(join(staging, "state"), { recursive: true, mode: 0o700 });
    const pausedMs = await takeSnapshot(
      { from: join(dataDir, "state"), writer: () => findWriter(dataDir) },
      join(staging, "state"),
    );
    const createdAt = context.clock.now();
    await copyFile(join(dataDir, "secrets.json"), join(staging, "secrets.json"));
    const about = { createdAt, installationId: secrets.installationId, migrations: await listMigrations() };
    const manifest = await pack(staging, about, target);
    return { manifest, pausedMs };
  } finally {
    await rm(work, { recursive: true, force: true });
    await release();
    await lock.release();
  }
}

/** workerd's process id. While Samovar runs without it, it is being restarted. */
async function findWriter(dataDir: string): Promise<number | null> {
  for (;;) {
    const found = await findRuntime(dataDir);
    if (found !== null) return found.pid;
    const { state } = await readPresence(dataDir);
    if (state !== "running") return null;
    await setTimeout(RESTART_POLL_MS);
  }
}

/** Where none is running, keeps one from starting. Throws {@link CliError} while one starts or stops. */
async function holdStill(dataDir: string): Promise<() => Promise<void>> {
  const presence = await readPresence(dataDir);
  if (presence.state === "starting" || presence.state === "stopping")
    throw new CliError(`Samovar is ${presence.state} (process ${presence.pid}).`, "Try again in a moment.");
  if (presence.state !== "absent") return () => Promise.resolve();
  const lock = await lockDirectory(dataDir);
  return () => lock.release();
}

async function pack(
  staging: string,
  about: Pick<Manifest, "createdAt" | "installationId" | "migrations">,
  target: string | null,
): Promise<Manifest> {
  if (target === null) return packDirectory(staging, about, process.stdout);
  const partial = `${target}.${process.pid}.partial`;
  try {
    const handle = await open(partial, "wx", 0o600);
    const manifest = await packDirectory(staging, about, handle.createWriteStream({ flush: true }));
    // Unlike a rename, this never replaces a file.
    await link(partial, target);
    return manifest;
  } catch (error) {
    throw toCliError(error, target);
  } finally {
    await rm(partial, { force: true });
  }
}

const refuseExisting = (target: string): CliError =>
  new CliError(`${target} exists already.`, "A backup replaces no file: choose another name.");

const systemError = z.object({ code: z.string() });

function toCliError(error: unknown, target: string): unknown {
  const code = error instanceof CliError ? null : (systemError.safeParse(error).data?.code ?? null);
  if (code === "EEXIST") return refuseExisting(target);
  if (code === "ENOSPC")
    return new CliError("The disk is full.", "Free some space, or write the backup to another disk.");
  if (code === "ENOENT" || code === "ENOTDIR")
    return new CliError(`The directory of ${target} does not exist.`, "Create it first.");
  return code === null ? error : new CliError(`${target} cannot be written (${code}).`, "Choose another place.");
}

export async function listMigrations(): Promise<string[]> {
  return (await readdir(join(root, "apps/api/migrations"))).filter((name) => name.endsWith(".sql")).toSorted();
}
