/** Writes a file below the working directory, and never outside of it: neither by `..` nor through a link. */
import { lstat, mkdir, readFile, realpath, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, relative, resolve, sep } from "node:path";
import type { Result } from "@samovar/base";
import { err, errorMessage, ok } from "@samovar/base";

export interface WrittenFile {
  /** Absolute. */
  readonly path: string;
  /** Null when the file is new. */
  readonly oldText: string | null;
}

/** Above this many bytes only the size of the old text is reported. */
const OLD_TEXT_MAX_BYTES = 512 * 1024;

/** The error is a sentence for a person. */
export async function writeWorkspaceFile(
  cwd: string,
  path: string,
  text: string,
): Promise<Result<WrittenFile, string>> {
  const target = resolve(cwd, path);
  const refused = await refusal(cwd, target);
  if (refused !== null) return err(refused);
  try {
    const oldText = await readOld(target);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, text);
    return ok({ path: target, oldText });
  } catch (error) {
    return err(`${path} could not be written: ${errorMessage(error)}`);
  }
}

async function refusal(cwd: string, target: string): Promise<string | null> {
  const root = await realpath(cwd);
  if (target === resolve(cwd) || !isBelow(resolve(cwd), target)) return `${target} is outside the working directory`;
  const existing = await nearestExisting(target);
  const real = await realpath(existing).catch(() => null);
  if (real === null || (real !== root && !isBelow(root, real))) return `${target} leads outside the working directory`;
  const kind = existing === target ? await lstat(target) : null;
  if (kind !== null && !kind.isFile()) return `${target} is no regular file`;
  return null;
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function nearestExisting(path: string): Promise<string> {
  const found = await lstat(path).catch(() => null);
  return found === null ? nearestExisting(dirname(path)) : path;
}

async function readOld(path: string): Promise<string | null> {
  const stat = await lstat(path).catch(() => null);
  if (stat === null) return null;
  if (stat.size > OLD_TEXT_MAX_BYTES) return `[${stat.size} bytes, too long to show]`;
  return readFile(path, "utf8");
}
