/** Finds the processes of an installation by their command lines and environments. */
import { existsSync, readFileSync } from "node:fs";
import { glob, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";

const ZOMBIE = /^\d+ \(.*\) Z /s;

export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
}

/** Processes whose command line or environment contains the directory, except this one. */
export async function listProcesses(directory: string): Promise<RunningProcess[]> {
  const pids = (await readdir("/proc")).map(Number).filter((pid) => Number.isInteger(pid) && pid !== process.pid);
  const rows = await Promise.all(pids.map((pid) => readRow(pid, directory)));
  return rows.filter((row) => row !== null);
}

async function readRow(pid: number, directory: string): Promise<RunningProcess | null> {
  try {
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ").trim();
    const environment = await readFile(`/proc/${pid}/environ`, "utf8");
    const zombie = ZOMBIE.test(await readFile(`/proc/${pid}/stat`, "utf8"));
    return !zombie && (command.includes(directory) || environment.includes(directory)) ? { pid, command } : null;
  } catch {
    return null;
  }
}

/**
 * The processes of a session's agent, including the agent. Each has the mark in the session's `host.json`; once the workspace
 * and that file are gone, a leftover process has a home directory that no longer exists.
 */
export async function listSessionProcesses(dataDir: string, sessionId: string): Promise<RunningProcess[]> {
  for await (const file of glob(join(dataDir, "vm/vm/*/var/lib/samovar/w/*/session/host.json"))) {
    const launch = parseLaunch.safeParse(JSON.parse(await readFile(file, "utf8").catch(() => "null")));
    if (launch.data?.sessionId === sessionId) return listProcesses(`SAMOVAR_SESSION=${launch.data.mark}`);
  }
  return (await listProcesses(`HOME=${join(dataDir, "vm")}`)).filter(({ pid }) => !existsSync(readHome(pid)));
}

const parseLaunch = z.object({ sessionId: z.string(), mark: z.string() });

function readHome(pid: number): string {
  try {
    return /(?:^|\0)HOME=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1] ?? "/";
  } catch {
    // It has ended, so it is not left over.
    return "/";
  }
}

/** Whether the process is running; a zombie is not. */
export async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  return stat !== null && !ZOMBIE.test(stat);
}

export async function pidsMatching(directory: string, pattern: RegExp): Promise<number[]> {
  return (await listProcesses(directory)).filter(({ command }) => pattern.test(command)).map(({ pid }) => pid);
}
