/** `samovar restore FILE`: fills an empty data directory from a backup. */
import { mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Readable } from "node:stream";
import { errorMessage } from "@samovar/base";
import { CliError } from "../client/errors.ts";
import { type CommandContext, printJson } from "../commands/context.ts";
import { RESTORE_PARTIAL, readSecrets, replaceIdentity, type Secrets, writeSecrets } from "../up/data-directory.ts";
import { lockDirectory } from "../up/lock.ts";
import { type Manifest, unpackInto } from "./archive.ts";
import { listMigrations } from "./back-up.ts";

export interface RestoreOptions {
  /** The original is gone for good: takes its place at the provider, instead of being a copy beside it. */
  readonly takeOver: boolean;
}

/** `file`: `-` for standard input. */
export async function restore(file: string, options: RestoreOptions, context: CommandContext): Promise<number> {
  const { dataDir, terminal, json } = context;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  if ((await readdir(dataDir)).length > 0)
    throw new CliError(`${dataDir} is not empty.`, "Restore into a new directory: samovar restore FILE --data-dir DIR");
  const from = await openBackup(file, context.cwd);
  const lock = await lockDirectory(dataDir);
  let manifest: Manifest;
  try {
    manifest = await fillDirectory(from, options, context);
  } finally {
    await lock.release();
  }
  if (json) {
    printJson(terminal, { dataDir, createdAt: manifest.createdAt, takenOver: options.takeOver });
    return 0;
  }
  terminal.line(`Restored into ${dataDir}, as of ${new Date(manifest.createdAt).toISOString()}.

Tasks that were in flight then fail at the first start and say so; retry those whose work is still needed.
${options.takeOver ? TAKEN_OVER : COPY}

Start it with: samovar up --data-dir ${dataDir}`);
  return 0;
}

const TAKEN_OVER =
  "It has the original's identity: it deletes the servers that the original left at a provider. Never start both.";
const COPY = `It is a copy with an identity of its own: it does not touch the original's servers, which may still be at work. If the original is
gone for good, restore with --take-over instead, so that its servers are deleted.`;

async function fillDirectory(from: Readable, { takeOver }: RestoreOptions, context: CommandContext): Promise<Manifest> {
  const { dataDir } = context;
  const partial = join(dataDir, RESTORE_PARTIAL);
  await mkdir(partial, { mode: 0o700 });
  try {
    const manifest = await unpackInto(partial, from);
    await refuseNewer(manifest);
    const secrets = await readSecrets(partial);
    if (secrets === null)
      throw new CliError("The backup is damaged: its secrets cannot be read.", "Use another copy of it.");
    // By a clock that is behind, the tasks of the backup would be from after the restore.
    const restoredAt = Math.max(context.clock.now(), manifest.createdAt + 1);
    const restored: Secrets = { ...replaceIdentity(secrets, { keepsPlace: takeOver }), restoredAt };
    await rename(join(partial, "state"), join(dataDir, "state"));
    await writeSecrets(dataDir, restored);
    return manifest;
  } catch (error) {
    for (const name of ["state", "secrets.json"]) await rm(join(dataDir, name), { recursive: true, force: true });
    throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

async function refuseNewer({ migrations }: Manifest): Promise<void> {
  const known = new Set(await listMigrations());
  if (migrations.every((name) => known.has(name))) return;
  throw new CliError(
    "This backup was made by a newer Samovar, whose data this version cannot use.",
    "Install the version that made it, or a newer one, then restore again.",
  );
}

/** Throws {@link CliError} when it cannot be read. */
async function openBackup(file: string, cwd: string): Promise<Readable> {
  if (file === "-") return process.stdin;
  try {
    return (await open(resolve(cwd, file))).createReadStream();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : errorMessage(error);
    throw new CliError(`The backup cannot be read (${code}).`, "Check its name: samovar restore FILE --data-dir DIR");
  }
}
