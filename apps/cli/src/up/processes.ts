/**
 * Reads processes from the operating system. Identifies them by id and start time, since ids are reused.
 * Uses /proc on Linux, where minimal systems have no `ps`, and `ps` elsewhere.
 */
import { execFile } from "node:child_process";
import { readFile, readdir, readlink, realpath } from "node:fs/promises";
import { promisify } from "node:util";

interface ProcessRow {
  readonly pid: number;
  readonly parent: number;
  /** Opaque; equal only for the same process. */
  readonly start: string;
  readonly command: string;
}

const onLinux = process.platform === "linux";

/** The process's start time as opaque text; null when there is no such process, or no start time can be read. */
export async function readProcessStart(pid: number): Promise<string | null> {
  const row = onLinux ? await readProcRow(pid) : (await readPsRows(["-p", String(pid)]))[0];
  return row?.start ?? null;
}

/** Whether the process with this id and start time still runs. Where start times cannot be read, the id decides. */
export async function isRunning(pid: number, start: string | null): Promise<boolean> {
  const now = await readProcessStart(pid);
  if (now !== null) return start === null || now === start;
  return (await readProcessStart(process.pid)) === null && exists(pid);
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * Whether a process may still hold ports and files. Linux shows a killed process as a zombie as soon as its first
 * thread has ended, but releases its ports and files with the last one.
 */
export async function isHolding(pid: number, start: string): Promise<boolean> {
  if (!onLinux) return isRunning(pid, start);
  const stat = await readStat(pid);
  return stat !== null && stat.start === start && (stat.state !== "Z" || stat.threads > 1);
}

/** The children of a process whose command line contains `name`. */
export async function findChildren(parent: number, name: string): Promise<number[]> {
  const rows = onLinux ? await readProcRows() : await readPsRows();
  return rows.filter((row) => row.parent === parent && row.command.includes(name)).map((row) => row.pid);
}

/** Processes with this name that have open files below a directory. Empty except on Linux. */
export async function findHolders(directory: string, name: string): Promise<{ pid: number; start: string }[]> {
  if (!onLinux) return [];
  const named = (await readProcRows()).filter((row) => row.command.includes(name));
  // /proc reports paths without symbolic links.
  const prefix = `${await realpath(directory)}/`;
  const held = await Promise.all(named.map(({ pid }) => hasOpenBelow(pid, prefix)));
  return named.filter((_, index) => held[index]).map(({ pid, start }) => ({ pid, start }));
}

async function hasOpenBelow(pid: number, prefix: string): Promise<boolean> {
  try {
    const files = await readdir(`/proc/${pid}/fd`);
    const targets = await Promise.all(files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => "")));
    return targets.some((target) => target.startsWith(prefix));
  } catch {
    // The process has ended, or belongs to another user.
    return false;
  }
}

async function readProcRows(): Promise<ProcessRow[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const rows = await Promise.all(pids.map(readProcRow));
  return rows.filter((row) => row !== null);
}

async function readProcRow(pid: number): Promise<ProcessRow | null> {
  const stat = await readStat(pid);
  if (stat === null || stat.state === "Z") return null;
  try {
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ");
    return { pid, parent: stat.parent, start: stat.start, command };
  } catch {
    return null;
  }
}

/** proc(5): after the name in parentheses, field 3 is the state, 4 the parent, 20 the threads, 22 the start in ticks. */
async function readStat(pid: number) {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], parent: Number(fields[1]), threads: Number(fields[17]), start: fields[19] ?? "" };
  } catch {
    return null;
  }
}

/** Empty where there is no `ps`, or no such process. */
async function readPsRows(which: readonly string[] = ["-A"]): Promise<ProcessRow[]> {
  // Start times are compared across processes, so they must be printed in the same format.
  const env = { ...process.env, LC_ALL: "C", TZ: "UTC" };
  const options = { env, maxBuffer: 16 * 1024 * 1024 };
  const ps = promisify(execFile)("ps", [...which, "-o", "pid=,ppid=,lstart=,args="], options);
  const { stdout } = await ps.catch(() => ({ stdout: "" }));
  return stdout.split("\n").flatMap((line) => {
    const [, pid, parent, start, command] =
      /^\s*(\d+)\s+(\d+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined
      ? []
      : [{ pid: Number(pid), parent: Number(parent), start: start ?? "", command: command ?? "" }];
  });
}
