/**
 * Chooses whether each workspace of this node gets its own user. That requires a daemon that may change users, and directories
 * that those users can pass. The trial uses the program that starts workspaces.
 */
import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { HostUser, NodeEnvironment } from "@samovar/contracts";
import { errorMessage } from "@samovar/base";
import { findProgram } from "@samovar/processes";
import { killUser } from "./kill-user.ts";
import { PASSABLE } from "./places.ts";
import { runAsUser } from "./run-as-user.ts";
import { TRIAL_ID } from "./user-registry.ts";

export type UserMode = NonNullable<NodeEnvironment["WORKSPACE_USERS"]>;

export interface UserChoice {
  /** The user for trials, which no workspace has; null: workspaces share the daemon's user. */
  readonly trial: HostUser | null;
  /** Why workspaces share the daemon's user; null when they do not. */
  readonly reason: string | null;
}

export interface UserProbe {
  readonly mode: UserMode;
  readonly path: string;
  /** The node's state directory, which is made passable; null: only the rest is tried. */
  readonly stateDir: string | null;
  /** Directories with programs that workspaces run; made passable too. */
  readonly programDirectories: readonly string[];
  /** Files that programs of workspaces read: Node and the vm-agent. */
  readonly files: readonly string[];
}

export const SHARED_USERS: UserChoice = { trial: null, reason: "WORKSPACE_USERS is shared." };

/** Never throws. */
export async function chooseUsers(probe: UserProbe): Promise<UserChoice> {
  const { mode, path, stateDir, programDirectories, files } = probe;
  if (mode === "shared") return SHARED_USERS;
  if (process.platform !== "linux" || process.getuid?.() !== 0) return share("The daemon may not change users.");
  const setpriv = findProgram("setpriv", `${path}:/usr/bin:/bin`);
  if (setpriv === null) return share("setpriv is not installed. Install it, for example: apt install util-linux");
  const trial = { id: TRIAL_ID, setpriv };
  try {
    if (stateDir !== null) openState(stateDir, programDirectories);
    const passed = [...(stateDir === null ? [] : [join(stateDir, "w")]), tmpdir(), ...programDirectories];
    killUser(trial, 0);
    const closed = await findClosed(trial, [...passed.map(below), ...files]);
    if (closed === null) return { trial, reason: null };
    // Then no other user has to pass.
    if (stateDir !== null) chmodSync(stateDir, 0o700);
    return share(describeClosed(closed));
  } catch (error) {
    return share(`Changing the user failed: ${errorMessage(error)}`);
  }
}

const share = (reason: string): UserChoice => ({ trial: null, reason });

/** A path below the directory, which is reachable if the directory can be passed. */
const below = (directory: string): string => join(directory, ".");

/** Directories that others may pass. Everything else in the state becomes private, even if an earlier vm-agent made it. */
function openState(stateDir: string, programDirectories: readonly string[]): void {
  const open = [join(stateDir, "w"), ...programDirectories];
  for (const directory of [stateDir, ...open]) mkdirSync(directory, { recursive: true, mode: PASSABLE });
  for (const name of readdirSync(stateDir)) {
    const entry = join(stateDir, name);
    const { mode, isFile } = readKind(entry);
    if (!open.includes(entry) && (mode & 0o077) !== 0 && isFile !== null) chmodSync(entry, mode & 0o700);
  }
  for (const directory of [...open, stateDir]) chmodSync(directory, PASSABLE);
}

function readKind(path: string): { readonly mode: number; readonly isFile: boolean | null } {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  // A link has no mode.
  if (stat === undefined || stat.isSymbolicLink()) return { mode: 0, isFile: null };
  return { mode: stat.mode & 0o7777, isFile: stat.isFile() };
}

/** The first path that the user cannot reach; null when it reaches all. */
async function findClosed(user: HostUser, paths: readonly string[]): Promise<string | null> {
  const existing = paths.filter((path) => existsSync(path));
  const script = 'for path do test -e "$path" || { printf %s "$path" >&2; exit 1; }; done';
  try {
    await runAsUser(user, ["/bin/sh", "-c", script, "sh", ...existing]);
    return null;
  } catch (error) {
    const named = errorMessage(error);
    if (existing.includes(named)) return named;
    throw error;
  }
}

function describeClosed(path: string): string {
  let closed = path;
  for (let at = dirname(path); at !== dirname(at); at = dirname(at))
    if ((lstatSync(at, { throwIfNoEntry: false })?.mode ?? 0o777) % 2 === 0) closed = at;
  return `Other users cannot pass ${closed}, where Samovar keeps its files. Allow it, for example with: chmod o+x ${closed}`;
}
