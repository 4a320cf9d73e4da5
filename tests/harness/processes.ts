/** What runs on this machine for an installation, found by what its processes were started with. */
import { existsSync, readFileSync } from "node:fs";
import { glob, readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";

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

/**
 * What a session's agent started, the agent included. Each carries the mark of the session's `host.json`; once the workspace is
 * gone, so is that file, and what is left over has a home that is no more.
 */
export async function processesOfSession(dataDir: string, sessionId: string): Promise<RunningProcess[]> {
  for await (const file of glob(join(dataDir, "vm/vm/*/var/lib/samovar/w/*/session/host.json"))) {
    const launch = launchOf.safeParse(JSON.parse(await readFile(file, "utf8").catch(() => "null")));
    if (launch.data?.sessionId === sessionId) return processesOf(`SAMOVAR_SESSION=${launch.data.mark}`);
  }
  return (await processesOf(`HOME=${join(dataDir, "vm")}`)).filter(({ pid }) => !existsSync(homeOf(pid)));
}

const launchOf = z.object({ sessionId: z.string(), mark: z.string() });

function homeOf(pid: number): string {
  try {
    return /(?:^|\0)HOME=([^\0]*)/.exec(readFileSync(`/proc/${pid}/environ`, "utf8"))?.[1] ?? "/";
  } catch {
    // It has ended: not left over.
    return "/";
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
