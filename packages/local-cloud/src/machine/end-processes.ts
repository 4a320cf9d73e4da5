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
  signalAll(ending, "SIGTERM");
  if (await emptied(ending, ending.graceMs)) return true;
  for (let round = 0; round < KILL_ROUNDS; round++) {
    signalAll(ending, "SIGKILL");
    if (await emptied(ending, KILL_WAIT_MS)) return true;
  }
  return false;
}

function signalAll({ table, marker, roots }: Ending, signal: NodeJS.Signals): void {
  for (const member of findMembers(table, marker, roots)) {
    if (!isAlive(table, member)) continue;
    try {
      process.kill(member.pid, signal);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

const isGone = (error: unknown) => error instanceof Error && "code" in error && error.code === "ESRCH";

/** Looks through all processes only when those that it knows of are dead: others may have been started meanwhile. */
async function emptied({ table, marker, roots, timers }: Ending, limitMs: number): Promise<boolean> {
  let known = findMembers(table, marker, roots);
  for (let waited = 0; known.length > 0; waited += POLL_MS) {
    if (waited >= limitMs) return false;
    await new Promise<void>((resolve) => timers.after(POLL_MS, resolve));
    if (!known.some((member) => isAlive(table, member))) known = findMembers(table, marker, roots);
  }
  return true;
}
