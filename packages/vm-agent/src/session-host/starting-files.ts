/** Whether a repository would start programs through its agent, although its project ignores the repository's settings [R49]. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Failure, HostLaunch, StartingFile } from "@samovar/contracts";

/** What counts is there before the agent starts, so that it is looked at as the agent would read it, through links. */
export function findStartingFile({ agent, cwd }: Pick<HostLaunch, "agent" | "cwd">): Failure | null {
  const found = agent.startingFiles?.find((file) => startsSomething(cwd, file));
  if (found === undefined) return null;
  return {
    code: "repository_settings",
    message: `${found.path} of the repository would start programs with the agent, and the project ignores the repository's settings. Allow them in the project's settings, or choose another agent for the task.`,
  };
}

/** A file that cannot be read counts: the agent may be able to. */
function startsSomething(cwd: string, { path, words }: StartingFile): boolean {
  const place = join(cwd, path);
  const found = statSync(place, { throwIfNoEntry: false });
  if (found === undefined) return false;
  try {
    if (found.isDirectory()) return readdirSync(place).length > 0;
    if (words === null) return true;
    const text = readFileSync(place, "utf8").toLowerCase();
    return words.some((word) => text.includes(word.toLowerCase()));
  } catch {
    return true;
  }
}
