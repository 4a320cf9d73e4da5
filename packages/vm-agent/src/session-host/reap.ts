/** Kills what a session's agent left behind, wherever it hid: its processes carry the session's mark. Keeps T1 [F40]. */
import { readdirSync, readFileSync } from "node:fs";
import { SESSION_MARK } from "./agent-environment.ts";

const ROUNDS = 5;

/**
 * Says how many were killed. `spare`: a variable; processes that carry it too are left alone. On systems without
 * `/proc` only the process group can be killed, elsewhere.
 */
export function reapSession(mark: string, spare: string | null = null): number {
  let killed = 0;
  // What is being forked while one round looks is found by the next.
  for (let round = 0; round < ROUNDS; round++) {
    const pids = markedProcesses(`${SESSION_MARK}=${mark}`, spare);
    if (pids.length === 0) break;
    killed += pids.filter(kill).length;
  }
  return killed;
}

function markedProcesses(mark: string, spare: string | null): readonly number[] {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && hasMark(name, mark, spare))
      .map(Number);
  } catch {
    return [];
  }
}

function hasMark(pid: string, mark: string, spare: string | null): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0");
    return environment.includes(mark) && !environment.some((variable) => variable.startsWith(`${spare}=`));
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
