/** How a program starts within its workspace's limits: its process limits the size of files, and enters its control groups. */
import type { WorkspaceLimits } from "@samovar/contracts";
import type { Cgroup } from "./cgroups.ts";

type Argv = readonly [file: string, ...args: string[]];
export type EnterLimits = (argv: Argv) => Argv;

/** The first operand is a number of blocks or empty, the second a count of directories, which follow. */
const ENTER = `
test -z "$1" || ulimit -f "$1" || exit 126
groups=$2; shift 2
while test "$groups" -gt 0; do echo 0 >"$1/cgroup.procs" || exit 126; shift; groups=$((groups - 1)); done
exec "$@"`;
const BLOCK_BYTES = 512;

export function createEntry({ diskBytes }: WorkspaceLimits, cgroup: Cgroup | null): EnterLimits {
  const blocks = diskBytes === null ? "" : String(Math.ceil(diskBytes / BLOCK_BYTES));
  const directories = cgroup?.directories ?? [];
  if (blocks === "" && directories.length === 0) return (argv) => argv;
  return (argv) => ["/bin/sh", "-c", ENTER, "sh", blocks, String(directories.length), ...directories, ...argv];
}
