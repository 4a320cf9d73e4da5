/** Directories of the cloud. Others may pass where the users of workspaces have to, which only a daemon that is root has. */
import { chmodSync, mkdirSync } from "node:fs";

const mode = process.getuid?.() === 0 ? 0o711 : 0o700;

/** What is in it is listed by its owner alone. The mode holds also for a directory that exists. */
export function makePassable(directory: string): void {
  mkdirSync(directory, { recursive: true, mode });
  chmodSync(directory, mode);
}
