/** Kills the processes that a session's agent left behind, which all carry the session's mark. Keeps T1 [F40]. */
import { readdirSync, readFileSync } from "node:fs";
import { SESSION_MARK } from "./agent-environment.ts";

const ROUNDS = 5;

/**
 * Returns how many were killed. `spare`: an environment variable; processes that have it too are left alone. Does nothing on
 * systems without `/proc`, where only the process group can be killed.
 */
export function reapSession(mark: string, spare: string | null = null): number {
  let killed = 0;
  // The next round finds processes that were forked during this one.
  for (let round = 0; round < ROUNDS; round++) {
    const pids = findMarkedProcesses(mark, spare);
    if (pids.length === 0) break;
    killed += pids.filter(kill).length;
  }
  return killed;
}

/** Processes with the session's mark in their environment, without this one. */
export function findMarkedProcesses(mark: string, spare: string | null = null): readonly number[] {
  const variable = `${SESSION_MARK}=${mark}`;
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && hasMark(name, variable, spare))
      .map(Number);
  } catch {
    return [];
  }
}

function hasMark(pid: string, variable: string, spare: string | null): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    return environment.includes(variable) && !environment.some((each) => each.startsWith(`${spare}=`));
  } catch {
    return false;
  }
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
