/**
 * Starts a program within its workspace's limits: sets the size of files and the number of processes of the workspace's user, then
 * enters its control groups.
 */
import type { WorkspaceLimits } from "@samovar/contracts";
import type { Cgroup } from "./cgroups.ts";

type Argv = readonly [file: string, ...args: string[]];
export type EnterLimits = (argv: Argv) => Argv;

/**
 * The first operand is a number of blocks or empty, the second one of processes or empty, the third a count of directories, which
 * follow. Shells have different letters for the limit of processes.
 */
const ENTER = `
test -z "$1" || ulimit -f "$1" || exit 126
test -z "$2" || ulimit -u "$2" 2>/dev/null || ulimit -p "$2" || exit 126
groups=$3; shift 3
while test "$groups" -gt 0; do echo 0 >"$1/cgroup.procs" || exit 126; shift; groups=$((groups - 1)); done
exec "$@"`;
const BLOCK_BYTES = 512;
/** Above the workspace's limit, which the watch reports; the kernel's limit stops what is faster than the watch. */
const SPARE_PROCESSES = 64;

/** `hasUser`: whether the workspace has its own user. The kernel counts all processes of a user, so a shared user gets no limit. */
export function createEntry(
  { diskBytes, processes }: WorkspaceLimits,
  cgroup: Cgroup | null,
  hasUser: boolean,
): EnterLimits {
  const blocks = diskBytes === null ? "" : String(Math.ceil(diskBytes / BLOCK_BYTES));
  const count = hasUser && processes !== null ? String(processes + SPARE_PROCESSES) : "";
  const directories = cgroup?.directories ?? [];
  if (blocks === "" && count === "" && directories.length === 0) return (argv) => argv;
  return (argv) => ["/bin/sh", "-c", ENTER, "sh", blocks, count, String(directories.length), ...directories, ...argv];
}
