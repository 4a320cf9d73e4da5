/**
 * The lockfile of an agent's package: the one that Samovar ships, downloaded from the control plane by its digest, or for an
 * added agent the one that its first installation wrote. Kept outside the agents' directory.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Result } from "@samovar/base";
import { err, errorMessage, ok } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import * as z from "zod";
import { readPrivateFile, writePrivateFile } from "../daemon/private-file.ts";

export interface LockfileSource {
  /** SHA-256, in hex; null for a package whose lockfile Samovar does not ship. */
  readonly digest: string | null;
  /** Where this node keeps it. */
  readonly file: string;
  /** Without a trailing slash. */
  readonly controlPlaneUrl: string;
  readonly signal: AbortSignal;
}

/** Some hundred times the largest. */
const MAX_BYTES = 5 * 1024 * 1024;
/** For a control plane that is being restarted. */
const ATTEMPTS = 30;
const PAUSE_MS = 1_000;

/** Returns the lockfile's text, null when the package has none yet, or why it cannot be had. Throws an abort's reason. */
export async function readLockfile(source: LockfileSource): Promise<Result<string | null, string>> {
  const kept = readPrivateFile(source.file);
  const { digest } = source;
  if (digest === null || (kept !== null && sha256(kept) === digest)) return ok(kept);
  const found = await download(digest, source);
  if (found.ok) await keep(source.file, found.value);
  return found;
}

/** Writes what `npm ci` needs into the directory. */
export async function writeLockedManifest(directory: string, lockfile: string): Promise<void> {
  const { packages } = lockedRoot.parse(JSON.parse(lockfile));
  const { dependencies } = packages[""];
  await writeFile(join(directory, "package.json"), `${JSON.stringify({ private: true, dependencies })}\n`);
  await writeFile(join(directory, "package-lock.json"), lockfile);
}

/** Keeps the lockfile that an installation wrote, for the next one. */
export async function keepLockfile(directory: string, file: string): Promise<void> {
  await keep(file, await readFile(join(directory, "package-lock.json"), "utf8"));
}

const lockedRoot = z.object({
  packages: z.object({ "": z.object({ dependencies: z.record(z.string(), z.string()) }) }),
});

async function keep(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  writePrivateFile(file, text);
}

async function download(digest: string, { controlPlaneUrl, signal }: LockfileSource): Promise<Result<string, string>> {
  const url = `${controlPlaneUrl}/agent/lockfiles/${digest}.json`;
  for (let attempt = 1; ; attempt++) {
    const answer = await request(url, signal);
    if (answer.ok) {
      if (sha256(answer.value) === digest) return answer;
      return err("the control plane has another lockfile than the one asked for; retry the task");
    }
    if (!answer.error.isTransient || attempt === ATTEMPTS)
      return err(`its lockfile could not be downloaded from the control plane: ${answer.error.message}`);
    await pause(PAUSE_MS, undefined, { signal });
  }
}

async function request(
  url: string,
  signal: AbortSignal,
): Promise<Result<string, { readonly message: string; readonly isTransient: boolean }>> {
  try {
    const response = await fetch(url, { signal, redirect: "error" });
    if (!response.ok) {
      await response.body?.cancel();
      return err({ message: `it answered ${response.status}`, isTransient: response.status >= 500 });
    }
    return await readText(response);
  } catch (error) {
    signal.throwIfAborted();
    return err({ message: errorMessage(error), isTransient: true });
  }
}

async function readText(response: Response): Promise<Result<string, { message: string; isTransient: boolean }>> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.byteLength;
    // Leaving the loop cancels the download.
    if (bytes > MAX_BYTES) return err({ message: `it is larger than ${MAX_BYTES} bytes`, isTransient: false });
    pieces.push(piece);
  }
  return ok(Buffer.concat(pieces).toString("utf8"));
}
