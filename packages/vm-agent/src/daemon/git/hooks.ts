/** The repository's own hooks, for projects that ask for them: found where its settings say, run at our commit and push. */
import { access, constants } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import type { GitOptions } from "./git.ts";
import { git, lastWords, runHook } from "./git.ts";

/** Read before the settings of the clone are put back: a repository's setup names its hooks' directory there. */
export async function findHooksPath(options: GitOptions, gitDir: string): Promise<string> {
  const file = `--file=${join(gitDir, "config")}`;
  const run = await git(["config", "--no-includes", file, "--get", "core.hooksPath"], options);
  const named = run.code === 0 ? run.stdout.trim() : "";
  if (named === "") return join(gitDir, "hooks");
  return isAbsolute(named) ? named : join(options.cwd, named);
}

/** For a second finish to find them again. */
export async function keepHooksPath(options: GitOptions, hooksPath: string): Promise<void> {
  await git(["config", "--local", "core.hooksPath", hooksPath], options);
}

/** Without a login: what a hook starts gets none. */
export function settingsWithHooks(options: GitOptions, hooksPath: string): GitOptions {
  return { ...options, login: null, settings: [...(options.settings ?? []), `core.hooksPath=${hooksPath}`] };
}

/** Runs `pre-push` as git would; the answer is why it refuses, or null. */
export async function askPrePush(
  hooksPath: string,
  push: { readonly url: string; readonly head: string; readonly branch: string },
  options: GitOptions,
): Promise<string | null> {
  const hook = join(hooksPath, "pre-push");
  const isThere = await access(hook, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!isThere) return null;
  const none = "0".repeat(push.head.length);
  const line = `HEAD ${push.head} refs/heads/${push.branch} ${none}\n`;
  const run = await runHook(hook, ["origin", push.url], line, options);
  return run.code === 0 ? null : `The repository's pre-push hook refused: ${lastWords(`${run.stdout}\n${run.stderr}`)}`;
}
