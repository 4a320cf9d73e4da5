/** Where a server's things are. Its disk is a directory; paths are short because unix sockets' names are. */
import { lstatSync } from "node:fs";
import { join } from "node:path";

export interface Layout {
  /** Stands for `/` on the server. */
  readonly root: string;
  readonly logs: string;
  /** The user data as it was given; for its owner alone. */
  readonly seed: string;
  /** `systemctl` requests of the first boot, in order. */
  readonly requests: string;
}

export function getLayout(dataDir: string, serverId: number): Layout {
  const root = join(dataDir, "vm", String(serverId));
  return {
    root,
    logs: join(dataDir, "log", String(serverId)),
    seed: join(dataDir, "seed", String(serverId)),
    requests: join(root, "run", "systemctl"),
  };
}

/** A word that names something on the server's disk stands for that; any other is left as it is. */
export function resolveInRoot(layout: Layout, word: string): string {
  if (!word.startsWith("/") || word.includes("\0") || word.split("/").includes("..")) return word;
  const path = join(layout.root, word);
  return word !== "/" && lstatSync(path, { throwIfNoEntry: false }) !== undefined ? path : word;
}
