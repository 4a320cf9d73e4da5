/** What runs on this machine for an installation, found by what its processes were started with. */
import { readFile, readdir } from "node:fs/promises";

const ZOMBIE = /^\d+ \(.*\) Z /s;

export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes whose command line or environment names the directory, this one left out. */
export async function processesOf(directory: string): Promise<RunningProcess[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => Number.isInteger(pid) && pid !== process.pid);
  const rows = await Promise.all(pids.map((pid) => rowOf(pid, directory)));
  return rows.filter((row) => row !== null);
}

async function rowOf(pid: number, directory: string): Promise<RunningProcess | null> {
  try {
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
    const environment = await readFile(`/proc/${pid}/environ`, "utf8");
    const zombie = ZOMBIE.test(await readFile(`/proc/${pid}/stat`, "utf8"));
    return !zombie && (command.includes(directory) || environment.includes(directory)) ? { pid, command } : null;
  } catch {
    return null;
  }
}

/** Whether it still runs: a zombie does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  return stat !== null && !ZOMBIE.test(stat);
}

export async function pidsMatching(directory: string, pattern: RegExp): Promise<number[]> {
  return (await processesOf(directory)).filter(({ command }) => pattern.test(command)).map(({ pid }) => pid);
}
