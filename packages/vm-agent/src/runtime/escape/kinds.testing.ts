/** For tests: the runtimes that work on this machine. A new kind of runtime is one line here. */
import { CAN_CHANGE_USERS, TRIAL_USER } from "../../users/users.testing.ts";
import { type RuntimeChoice, chooseRuntime } from "../choose-runtime.ts";

export const SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

export interface RuntimeMode {
  readonly name: string;
  readonly runtime: "process" | "sandbox";
  /** Whether each workspace has a user of its own. */
  readonly hasUsers: boolean;
}

/** The only one that lets everything through: what it shows of a probe is what the others are compared with. */
export const NO_WALL: RuntimeMode = { name: "process", runtime: "process", hasUsers: false };

const MODES: readonly RuntimeMode[] = [
  NO_WALL,
  { name: "sandbox", runtime: "sandbox", hasUsers: false },
  { name: "process with users", runtime: "process", hasUsers: true },
  { name: "sandbox with users", runtime: "sandbox", hasUsers: true },
];

/** `stateDir`: never shown to workspaces. `readOnlyPaths`: shown to them. */
export function chooseMode(
  { runtime: mode, hasUsers }: RuntimeMode,
  stateDir: string,
  readOnlyPaths: readonly string[] = [],
): Promise<RuntimeChoice> {
  const user = hasUsers ? TRIAL_USER : null;
  return chooseRuntime({ mode, readOnlyPaths }, stateDir, { PATH: SYSTEM_PATH }, { user });
}

/**
 * Where user namespaces are restricted, the sandbox is left out; the runtimes' contract says so. Users can be changed by root alone.
 */
export async function findModes(): Promise<readonly RuntimeMode[]> {
  const tried = MODES.filter(({ hasUsers }) => CAN_CHANGE_USERS || !hasUsers);
  const choices = await Promise.all(tried.map((mode) => chooseMode(mode, "/nonexistent")));
  return tried.filter((_mode, at) => choices[at]?.kind !== "unavailable");
}
