/** Directories of the cloud. If it runs as root, other users can pass them, because workspaces then have their own users. */
import { chmodSync, mkdirSync } from "node:fs";

const mode = process.getuid?.() === 0 ? 0o711 : 0o700;

/** Only the owner can list it. Sets the mode of an existing directory too. */
export function makePassable(directory: string): void {
  mkdirSync(directory, { recursive: true, mode });
  chmodSync(directory, mode);
}
