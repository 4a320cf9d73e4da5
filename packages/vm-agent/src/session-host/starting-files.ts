/** Whether a repository would start programs through its agent, although its project ignores the repository's settings [R49]. */
import { closeSync, constants, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Failure, HostLaunch, StartingFile } from "@samovar/contracts";

/** No settings are longer; a longer file counts. */
const MAX_BYTES = 1024 * 1024;

/** What counts is there before the agent starts, so that it is looked at as the agent would read it, through links. */
export function findStartingFile({ agent, cwd }: Pick<HostLaunch, "agent" | "cwd">): Failure | null {
  const found = agent.startingFiles?.find((file) => startsSomething(cwd, file));
  if (found === undefined) return null;
  return {
    code: "repository_settings",
    message: `${found.path} of the repository would start programs with the agent, and the project ignores the repository's settings. Allow them in the project's settings, or choose another agent for the task.`,
  };
}

/** What cannot be read counts, because the agent may be able to; so does anything but a directory and a regular file. */
function startsSomething(cwd: string, { path, words }: StartingFile): boolean {
  const place = join(cwd, path);
  const found = statSync(place, { throwIfNoEntry: false });
  if (found === undefined) return false;
  try {
    if (found.isDirectory()) return readdirSync(place).length > 0;
    if (words === null) return true;
    const text = readSettings(place)?.toLowerCase();
    return text === undefined || words.some((word) => text.includes(word.toLowerCase()));
  } catch {
    return true;
  }
}

/**
 * Null for what is too long or no regular file. The repository chooses what is there: a named pipe must not hold up this
 * process, nor a device fill its memory.
 */
function readSettings(place: string): string | null {
  const file = openSync(place, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) return null;
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    const length = readSync(file, bytes, 0, bytes.length, 0);
    return length > MAX_BYTES ? null : bytes.toString("utf8", 0, length);
  } finally {
    closeSync(file);
  }
}
