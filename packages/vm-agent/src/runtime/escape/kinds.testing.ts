/** For tests: the runtimes that work on this machine. A new kind of runtime is one line here. */
import { type RuntimeChoice, chooseRuntime } from "../choose-runtime.ts";

export const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

const MODES = ["process", "sandbox"] as const;

export type RuntimeMode = (typeof MODES)[number];

/** `stateDir`: never shown to workspaces. `readOnlyPaths`: shown to them. */
export function chooseMode(
  mode: RuntimeMode,
  stateDir: string,
  readOnlyPaths: readonly string[] = [],
): Promise<RuntimeChoice> {
  return chooseRuntime({ mode, readOnlyPaths }, stateDir, { PATH: SYSTEM_PATH });
}

/** Where user namespaces are restricted, the sandbox is left out; the runtimes' contract says so. */
export async function findModes(): Promise<readonly RuntimeMode[]> {
  const choices = await Promise.all(MODES.map((mode) => chooseMode(mode, "/nonexistent")));
  return MODES.filter((_mode, at) => choices[at]?.kind !== "unavailable");
}
