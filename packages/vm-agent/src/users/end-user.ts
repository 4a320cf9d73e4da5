/** Ends all processes of a workspace's user and removes its files. Keeps T1. */
import { readdirSync, readFileSync } from "node:fs";
import type { HostUser } from "@samovar/contracts";
import { killUser } from "./kill-user.ts";
import { runAsUser } from "./run-as-user.ts";

/** Its processes, without those that have exited. One that goes on as another process again and again may be missed. */
export function findUserProcesses({ id }: Pick<HostUser, "id">): readonly number[] {
  const uids = new RegExp(`^Uid:.*\\b${id}\\b`, "m");
  const isOurs = (pid: string): boolean => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      return uids.test(status) && !/^State:\s+[ZX]/m.test(status);
    } catch {
      return false;
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isOurs(name))
    .map(Number);
}

/** Directories of the node where everyone may create files. */
const SHARED = ["/tmp", "/var/tmp", "/dev/shm"];
const REMOVE_SHARED = `for place in "$@"; do find "$place" -xdev -maxdepth 2 -user "$(id -u)" -prune -exec rm -rf -- {} + 2>/dev/null; done; ipcrm --all >/dev/null 2>&1; exit 0`;

/** Kills its processes, or throws, and removes what the user left outside its workspace: files, shared memory, queues. */
export async function clearUser(user: HostUser): Promise<void> {
  killUser(user);
  await runAsUser(user, ["/bin/sh", "-c", REMOVE_SHARED, "sh", ...SHARED]);
}
