/** What processes and directories use now. Whatever vanishes meanwhile counts as nothing. */
import { readdirSync, readFileSync, statfsSync } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import type { NodeResources } from "./limits.ts";

/** What a workspace's programs use: processes with all their threads, and bytes. */
export interface Usage {
  readonly processes: number;
  readonly memoryBytes: number;
}

export const NO_USAGE: Usage = { processes: 0, memoryBytes: 0 };

/** Of a process and its descendants; in a PID namespace these are all, if it is the first. Stops counting above the limits. */
export function readTreeUsage(root: number, max: Usage): Usage {
  const pids = [root];
  let processes = 0;
  for (let at = 0; at < pids.length && processes <= max.processes; at++) {
    const { threads, children } = readFamily(pids[at] ?? 0);
    processes += threads;
    pids.push(...children);
  }
  return { processes, memoryBytes: readMemory(pids, max.memoryBytes) };
}

/** Of these processes. */
export function readListUsage(pids: readonly number[], max: Usage): Usage {
  const processes = pids.reduce((sum, pid) => sum + readThreads(pid).length, 0);
  return { processes, memoryBytes: readMemory(pids, max.memoryBytes) };
}

function readFamily(pid: number): { readonly threads: number; readonly children: readonly number[] } {
  const threads = readThreads(pid);
  const children = threads.flatMap((thread) => {
    const words = readText(`/proc/${pid}/task/${thread}/children`).split(" ");
    return words.filter((word) => word !== "").map(Number);
  });
  return { threads: threads.length, children };
}

function readThreads(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Pages that several processes share count once; what is only read from files does not count. */
function readMemory(pids: readonly number[], max: number): number {
  // Counts shared pages again for each process, but costs little.
  const atMost = sum(pids, (pid) => readKilobytes(readText(`/proc/${pid}/status`), ["RssAnon", "RssShmem"]) ?? 0);
  if (atMost * 1024 <= max) return atMost * 1024;
  const shared = ["Pss_Anon", "Pss_Shmem"];
  return 1024 * sum(pids, (pid) => readKilobytes(readText(`/proc/${pid}/smaps_rollup`), shared) ?? 0);
}

const sum = (pids: readonly number[], of: (pid: number) => number) => pids.reduce((all, pid) => all + of(pid), 0);

function readKilobytes(text: string, names: readonly string[]): number | null {
  const found = names.map((name) => new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(text)?.[1]);
  return found.includes(undefined) ? null : found.reduce((all, each) => all + Number(each), 0);
}

function readText(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}

/** Bytes in the file systems in memory that a sandbox or container has for itself. `init`: its first process. */
export function readMemoryFiles(init: number, names: readonly string[] = ["dev", "run"]): number {
  return names.reduce((sum, name) => {
    try {
      const { blocks, bfree, bsize } = statfsSync(`/proc/${init}/root/${name}`);
      return sum + (blocks - bfree) * bsize;
    } catch {
      return sum;
    }
  }, 0);
}

/** Bytes on disk of all files below; the walk ends once they are more than `max`. Follows no link. */
export async function measureDisk(directories: readonly string[], max: number): Promise<number> {
  const left = [...directories];
  const seen = new Set<number>();
  let bytes = 0;
  for (let directory = left.pop(); directory !== undefined && bytes <= max; directory = left.pop()) {
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) left.push(path);
      const stat = await lstat(path).catch(() => null);
      if (stat === null || seen.has(stat.ino)) continue;
      if (stat.nlink > 1 && !entry.isDirectory()) seen.add(stat.ino);
      bytes += stat.blocks * 512;
    }
  }
  return bytes;
}

/** Bytes that are free on the directory's disk, or null where that is not known. */
export function readFreeSpace(directory: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return null;
  }
}

export const readNodeResources = (stateDir: string): NodeResources => ({
  memoryBytes: totalmem(),
  freeDiskBytes: readFreeSpace(stateDir) ?? Number.MAX_SAFE_INTEGER,
});
