/** The paths of a workspace's files: `<stateDir>/w/<directory name>/{repo,home,tmp,session}`. */
import type { SessionId } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { lstatSync, mkdirSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { CheckoutPaths } from "../git/checkout-paths.ts";
import { makeCheckoutPaths } from "../git/checkout-paths.ts";
import type { WorkspaceRow } from "../store/rows.ts";

/** Unix socket paths hold 108 bytes on Linux and 104 elsewhere, with the terminating zero. */
const SOCKET_PATH_MAX_BYTES = 100;

export function getWorkspaceDirectory(stateDir: string, directoryName: string): string {
  return join(stateDir, "w", directoryName);
}

export function getCheckoutPaths(stateDir: string, directoryName: string): CheckoutPaths {
  return makeCheckoutPaths(getWorkspaceDirectory(stateDir, directoryName));
}

/** A short unique name from the random end of the id. */
export function chooseDirectoryName(workspaceId: string, isTaken: (directoryName: string) => boolean): string {
  for (let length = 8; length < 26; length++) {
    const directoryName = workspaceId.slice(-length);
    if (!isTaken(directoryName)) return directoryName;
  }
  return workspaceId;
}

/** Creates the directory and returns its path, or a short symlink to it where the socket's path would be too long. */
export function ensureSessionDirectory(stateDir: string, workspace: WorkspaceRow, session: SessionId): string {
  const directory = getSessionDirectory(stateDir, workspace, session);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return fitsSocketPath(directory) ? directory : ensureLink(directory);
}

/** Removes the symlinks that {@link ensureSessionDirectory} may have created. */
export function removeSessionLinks(
  stateDir: string,
  workspace: WorkspaceRow,
  sessions: readonly { readonly id: SessionId }[],
): void {
  for (const { id } of sessions) rmSync(getLinkPath(getSessionDirectory(stateDir, workspace, id)), { force: true });
}

function getSessionDirectory(stateDir: string, workspace: WorkspaceRow, session: SessionId): string {
  const name = workspace.args.sessionId === session ? "session" : `session-${session.slice(-8)}`;
  return join(getWorkspaceDirectory(stateDir, workspace.directoryName), name);
}

const fitsSocketPath = (directory: string): boolean =>
  Buffer.byteLength(join(directory, "host.sock")) < SOCKET_PATH_MAX_BYTES;

function getLinkPath(directory: string): string {
  const hash = sha256(directory).slice(0, 16);
  return join(tmpdir(), `samovar-${userInfo().uid}`, hash);
}

function ensureLink(directory: string): string {
  const link = getLinkPath(directory);
  const parent = join(link, "..");
  mkdirSync(parent, { recursive: true, mode: 0o700 });
  const owner = lstatSync(parent);
  if (!owner.isDirectory() || owner.uid !== userInfo().uid || (owner.mode & 0o022) !== 0) {
    throw new Error(`${parent} is not a private directory of this user`);
  }
  if (readLinkTarget(link) !== directory) {
    rmSync(link, { force: true });
    symlinkSync(directory, link);
  }
  return link;
}

function readLinkTarget(link: string): string | null {
  try {
    return readlinkSync(link);
  } catch {
    return null;
  }
}
