/**
 * Removes what cloud-init keeps of a server's user data, once the node has its identity: the data named the bootstrap token
 * and how the node was made. cloud-init has read it by then; what it fetches again at a later boot is removed at the next start.
 */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const INSTANCES = "/var/lib/cloud/instances";
/** Of each instance: the data as it came, its parts, and the data source with both. */
const OF_INSTANCE = ["user-data.txt", "user-data.txt.i", "cloud-config.txt", "obj.pkl"];
const OTHERS = [
  "/var/lib/cloud/seed",
  "/run/cloud-init/instance-data-sensitive.json",
  "/run/cloud-init/combined-cloud-config.json",
];

/** `root`: prefix of absolute paths, empty on a real server. Best effort. */
export function removeUserData(root: string): void {
  const instances = listNames(join(root, INSTANCES));
  const files = instances.flatMap((instance) => OF_INSTANCE.map((name) => join(root, INSTANCES, instance, name)));
  for (const path of [...files, ...OTHERS.map((each) => join(root, each))]) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch {
      // A file of another user; then this is no server of ours.
    }
  }
}

function listNames(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
