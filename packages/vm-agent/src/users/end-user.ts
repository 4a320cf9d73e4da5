/** Ends all processes of a workspace's user and removes its files. Keeps T1. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { HostUser } from "@samovar/contracts";
import { becomeUser } from "./become-user.ts";
import { runAsUser } from "./run-as-user.ts";

const ROUNDS = 5;

/**
 * Kills every process of the user, whatever it did to its environment, session or parents. The kernel does it at once for all
 * processes that the user may signal, so none can escape by forking. Returns how many there were.
 */
export function killUser(user: HostUser): number {
  const killed = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    // After the first round they are dying and run no more code.
    const found = findUserProcesses(user);
    if (found.length === 0) break;
    for (const pid of found) killed.add(pid);
    const [file, ...words] = becomeUser(user, ["/bin/sh", "-c", "kill -KILL -1"]);
    spawnSync(file, words, { cwd: "/", env: {}, stdio: "ignore" });
  }
  return killed.size;
}

/** Its processes, without those that have exited. */
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

/** Kills its processes, and removes what the user left outside its workspace: files, shared memory, queues. */
export async function clearUser(user: HostUser): Promise<void> {
  killUser(user);
  await runAsUser(user, ["/bin/sh", "-c", REMOVE_SHARED, "sh", ...SHARED]);
}
