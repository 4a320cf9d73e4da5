/**
 * A workspace's places on the node: a directory that the daemon owns, and in it the checkout, the home and `/tmp`, which belong to
 * the workspace's user. Nothing here follows a link that a workspace could have made.
 */
import { chmodSync, lchownSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostUser } from "@samovar/contracts";
import { runAsUser } from "./run-as-user.ts";

export interface Places {
  readonly repo: string;
  readonly home: string;
  readonly tmp: string;
}

/** Others may pass a directory without listing it, so that a workspace's user reaches its places. */
export const PASSABLE = 0o711;
const PRIVATE = 0o700;

/** Makes those that do not exist, with an empty `.config` in the home. Repeatable. */
export function makePlaces({ repo, home, tmp }: Places, user: HostUser | null): void {
  const directory = dirname(home);
  mkdirSync(directory, { recursive: true, mode: PRIVATE });
  if (user !== null) chmodSync(directory, PASSABLE);
  // No program of the workspace can run before its home belongs to it.
  if (makeDirectory(home)) makePlace(join(home, ".config"), user);
  for (const place of [home, repo, tmp]) makePlace(place, user);
}

/** Writes a file of the node that programs of a workspace read, whatever the umask is; its directory must be the daemon's. */
export function writeShownFile(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o644);
}

/** Makes one directory of the user; the workspace must not be able to write to its parent. */
export function makePlace(place: string, user: HostUser | null): void {
  mkdirSync(dirname(place), { recursive: true, mode: PRIVATE });
  makeDirectory(place);
  if (user !== null && lstatSync(place).uid !== user.id) lchownSync(place, user.id, user.id);
}

/** Empties a place with the rights of its owner. */
export async function emptyPlace(place: string, user: HostUser | null): Promise<void> {
  if (readdirSync(place).length === 0) return;
  await runAsUser(user, ["find", place, "-mindepth", "1", "-delete"]);
}

/** Makes the user the owner of a tree that no workspace has seen yet. Does not follow links. */
export async function giveTree(directory: string, user: HostUser | null): Promise<void> {
  if (user === null) return;
  await runAsUser(null, ["chown", "-R", "-P", "--no-dereference", `${user.id}:${user.id}`, "--", directory]);
}

/** True when it did not exist. */
function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, { mode: PRIVATE });
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
