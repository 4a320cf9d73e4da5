/** Where a workspace's files lie: `<stateDir>/w/<place>/{repo,home,session}`. */
import type { SessionId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { CheckoutPlaces } from "../git/clone.ts";
import type { WorkspaceRow } from "../store/rows.ts";

/** Unix sockets: 108 bytes on Linux, 104 elsewhere, with the closing zero. */
const SOCKET_PATH_MAX_BYTES = 100;

export function workspaceDirectory(stateDir: string, place: string): string {
  return join(stateDir, "w", place);
}

export function checkoutPlaces(stateDir: string, place: string): CheckoutPlaces {
  const directory = workspaceDirectory(stateDir, place);
  return {
    repo: join(directory, "repo"),
    home: join(directory, "home"),
    trustedConfig: join(directory, "trusted.gitconfig"),
    globalConfig: join(directory, "global.gitconfig"),
    bundle: join(directory, "work.bundle"),
  };
}

/** A short name from the random end of the id. */
export function placeOf(workspaceId: string, isTaken: (place: string) => boolean): string {
  for (let length = 8; length < 26; length++) {
    const place = workspaceId.slice(-length);
    if (!isTaken(place)) return place;
  }
  return workspaceId;
}

/** The directory as the host gets it; where its socket's path would be too long, a short link to it. */
export function sessionDirectory(stateDir: string, workspace: WorkspaceRow, session: SessionId): string {
  const directory = ownDirectory(stateDir, workspace, session);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return socketFits(directory) ? directory : linkTo(directory);
}

/** Removes the short links that {@link sessionDirectory} may have made. */
export function removeSessionLinks(
  stateDir: string,
  workspace: WorkspaceRow,
  sessions: readonly { readonly id: SessionId }[],
): void {
  for (const { id } of sessions) rmSync(linkFor(ownDirectory(stateDir, workspace, id)), { force: true });
}

function ownDirectory(stateDir: string, workspace: WorkspaceRow, session: SessionId): string {
  const name = workspace.args.sessionId === session ? "session" : `session-${session.slice(-8)}`;
  return join(workspaceDirectory(stateDir, workspace.place), name);
}

const socketFits = (directory: string): boolean =>
  Buffer.byteLength(join(directory, "host.sock")) < SOCKET_PATH_MAX_BYTES;

function linkFor(directory: string): string {
  const hash = sha256(directory).slice(0, 16);
  return join(tmpdir(), `samovar-${userInfo().uid}`, hash);
}

function linkTo(directory: string): string {
  const link = linkFor(directory);
  const parent = join(link, "..");
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const owner = lstatSync(parent);
  if (!owner.isDirectory() || owner.uid !== userInfo().uid || (owner.mode & 0o022) !== 0) {
    throw new Error(`${parent} is not a private directory of ours`);
  }
  if (linkTarget(link) !== directory) {
    rmSync(link, { force: true });
    symlinkSync(directory, link);
  }
  return link;
}

function linkTarget(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}
