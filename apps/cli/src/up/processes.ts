/**
 * What the operating system tells of processes. They are told apart by start time too, since ids are used again.
 * Linux answers from /proc (minimal systems have no `ps`), others from `ps`.
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

/** When the process began, as an opaque text; null when there is no such process, or the system does not tell. */
export async function processStart(pid: number): Promise<string | null> {
  const row = onLinux ? await rowFromProc(pid) : (await rowsFromPs(["-p", String(pid)]))[0];
  return row?.start ?? null;
}

/** Whether the process that was recorded with this start time still runs. Where no start times can be read, its id decides. */
export async function isRunning(pid: number, start: string | null): Promise<boolean> {
  const now = await processStart(pid);
  if (now !== null) return start === null || now === start;
  return (await processStart(process.pid)) === null && exists(pid);
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/**
 * Whether it may still hold ports and files. A killed process counts as ended (a zombie on Linux) as soon as its
 * first thread is; what it held is let go of with its last one.
 */
export async function isHolding(pid: number, start: string): Promise<boolean> {
  if (!onLinux) return isRunning(pid, start);
  const stat = await statOf(pid);
  return stat !== null && stat.start === start && (stat.state !== "Z" || stat.threads > 1);
}

/** The children of a process whose command line holds `name`. */
export async function childrenNamed(parent: number, name: string): Promise<number[]> {
  const rows = onLinux ? await rowsFromProc() : await rowsFromPs();
  return rows.filter((row) => row.parent === parent && row.command.includes(name)).map((row) => row.pid);
}

/** Those of this name that have files open below a directory. Only Linux tells. */
export async function holdersOf(directory: string, name: string): Promise<{ pid: number; start: string }[]> {
  if (!onLinux) return [];
  const named = (await rowsFromProc()).filter((row) => row.command.includes(name));
  // What the system tells has no links in it.
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
    // It is gone, or another person's.
    return false;
  }
}

async function rowsFromProc(): Promise<ProcessRow[]> {
  const pids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const rows = await Promise.all(pids.map(rowFromProc));
  return rows.filter((row) => row !== null);
}

async function rowFromProc(pid: number): Promise<ProcessRow | null> {
  const stat = await statOf(pid);
  if (stat === null || stat.state === "Z") return null;
  try {
    const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).replaceAll("\0", " ");
    return { pid, parent: stat.parent, start: stat.start, command };
  } catch {
    return null;
  }
}

/** proc(5): after the name in parentheses, field 3 is the state, 4 the parent, 20 the threads, 22 the start in ticks. */
async function statOf(pid: number) {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], parent: Number(fields[1]), threads: Number(fields[17]), start: fields[19] ?? "" };
  } catch {
    return null;
  }
}

/** None where there is no `ps`, or no process that was asked for. */
async function rowsFromPs(which: readonly string[] = ["-A"]): Promise<ProcessRow[]> {
  // A start time is compared with one that another process read: both are written in the same way.
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
