/** Ends all processes of a server: asked first, killed after a limit, looked for again until none is left. */
import type { Timers } from "@samovar/base";
import { isAlive, findMembers, type ProcessIdentity, type ProcessTable } from "./process-table.ts";

export interface Ending {
  readonly table: ProcessTable;
  readonly timers: Timers;
  /** `NAME=value` in the environment of the server's processes. */
  readonly marker: string;
  readonly roots: readonly ProcessIdentity[];
  /** From asking to killing. */
  readonly graceMs: number;
}

const POLL_MS = 40;
/** Killed processes go at once, unless the kernel holds them. */
const KILL_WAIT_MS = 3000;
const KILL_ROUNDS = 3;

/** Answers whether all are gone. */
export async function endProcesses(ending: Ending): Promise<boolean> {
  if (await emptied(ending, signalAll(ending, "SIGTERM"), ending.graceMs)) return true;
  for (let round = 0; round < KILL_ROUNDS; round++)
    if (await emptied(ending, signalAll(ending, "SIGKILL"), KILL_WAIT_MS)) return true;
  return false;
}

/** Returns the processes that it signalled. */
function signalAll({ table, marker, roots }: Ending, signal: NodeJS.Signals): readonly ProcessIdentity[] {
  const signalled = findMembers(table, marker, roots).filter((member) => isAlive(table, member));
  for (const { pid } of signalled) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return signalled;
}

const isGone = (error: unknown) => error instanceof Error && "code" in error && error.code === "ESRCH";

/**
 * Waits until `signalled` are dead, and only then looks through all processes: others may have been started meanwhile. A dying
 * process has lost its environment, so only its identity shows that it still exists.
 */
async function emptied(
  { table, marker, roots, timers }: Ending,
  signalled: readonly ProcessIdentity[],
  limitMs: number,
): Promise<boolean> {
  let known = signalled;
  for (let waited = 0; ; waited += POLL_MS) {
    if (!known.some((member) => isAlive(table, member))) known = findMembers(table, marker, roots);
    if (known.length === 0) return true;
    if (waited >= limitMs) return false;
    await new Promise<void>((resolve) => timers.after(POLL_MS, resolve));
  }
}
