/** The repository's hooks, for projects that ask for them: run at Samovar's commit and push, in the workspace's shell. */
import { isAbsolute, join } from "node:path";
import type { WorkspaceShell } from "../../runtime/workspace-shell.ts";
import type { GitOptions } from "./git.ts";
import { git, getOutputTail, runBesideGit } from "./git.ts";

/** Call before the settings of the clone are restored, because set-up scripts configure the hooks' directory there. */
export async function findHooksPath(options: GitOptions, gitDir: string): Promise<string> {
  const file = `--file=${join(gitDir, "config")}`;
  const run = await git(["config", "--no-includes", file, "--get", "core.hooksPath"], options);
  const named = run.code === 0 ? run.stdout.trim() : "";
  if (named === "") return join(gitDir, "hooks");
  return isAbsolute(named) ? named : join(options.cwd, named);
}

/** Stores the directory, so that a repeated finish finds it. */
export async function setHooksPath(options: GitOptions, hooksPath: string): Promise<void> {
  await git(["config", "--local", "core.hooksPath", hooksPath], options);
}

export function enableHooks(options: GitOptions, hooksPath: string): GitOptions {
  return { ...options, settings: [...(options.settings ?? []), `core.hooksPath=${hooksPath}`] };
}

/** Runs `pre-push` as git would. Returns the reason for a refusal, or null. */
export async function runPrePushHook(
  hooksPath: string,
  push: { readonly url: string; readonly head: string; readonly branch: string },
  options: GitOptions & { readonly shell: WorkspaceShell },
): Promise<string | null> {
  const hook = join(hooksPath, "pre-push");
  // The shell's own `test`: an image may have no other, and the hook must not be left out for that.
  if ((await runBesideGit(["/bin/sh", "-c", 'test -x "$1"', "sh", hook], options)).code !== 0) return null;
  const none = "0".repeat(push.head.length);
  const line = `HEAD ${push.head} refs/heads/${push.branch} ${none}\n`;
  const run = await runBesideGit([hook, "origin", push.url], options, { input: line });
  return run.code === 0
    ? null
    : `The repository's pre-push hook refused: ${getOutputTail(`${run.stdout}\n${run.stderr}`)}`;
}
