/**
 * Which processes there are, and which belong to a server: those that carry its marker in their environment,
 * their descendants, and whoever shares a session with them. A process is known by pid and start, never by pid alone.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import * as z from "zod";

/** Outlives the pid's reuse: `born` differs for another process of the same number. */
export const processIdentity = z.object({ pid: z.number().int().positive(), born: z.string() });
export type ProcessIdentity = z.infer<typeof processIdentity>;

export interface ProcessEntry extends ProcessIdentity {
  readonly parent: number;
  /** Session (Linux) or process group (elsewhere). */
  readonly session: number;
  /** The assignments of its environment, as far as they may be read. */
  readonly environment: string;
  readonly argv: readonly string[];
}

export interface ProcessTable {
  /** Null when there is no such process, or it is dead and only not yet reaped. */
  identify(pid: number): ProcessIdentity | null;
  list(): readonly ProcessEntry[];
  /** Whether it is there and stopped, by SIGSTOP or a debugger. */
  isStopped(pid: number): boolean;
}

export function processTable(platform: NodeJS.Platform = process.platform): ProcessTable {
  return platform === "linux" ? procTable : createPsTable(platform);
}

export function isAlive(table: ProcessTable, identity: ProcessIdentity): boolean {
  return table.identify(identity.pid)?.born === identity.born;
}

/** Members of the server with this marker (`NAME=value`), and what descends from `roots`. Never this process. */
export function findMembers(
  table: ProcessTable,
  marker: string,
  roots: readonly ProcessIdentity[],
): readonly ProcessEntry[] {
  const all = table.list();
  const members = new Map<number, ProcessEntry>();
  const sessions = new Set<number>();
  const admit = (entry: ProcessEntry) => {
    members.set(entry.pid, entry);
    if (entry.session === entry.pid) sessions.add(entry.session);
  };
  const isRoot = (entry: ProcessEntry) => roots.some((root) => root.pid === entry.pid && root.born === entry.born);
  for (const entry of all) if (isRoot(entry) || hasMarker(entry, marker)) admit(entry);
  for (let before = -1; before !== members.size;) {
    before = members.size;
    for (const entry of all) if (members.has(entry.parent) || sessions.has(entry.session)) admit(entry);
  }
  return [...members.values()].filter((entry) => entry.pid !== process.pid);
}

function hasMarker(entry: ProcessEntry, marker: string): boolean {
  return entry.environment.split(/[\0 ]/).includes(marker);
}

const procTable: ProcessTable = {
  identify(pid) {
    const stat = statOf(pid);
    return stat === null ? null : { pid, born: stat.born };
  },
  list() {
    const entries: ProcessEntry[] = [];
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      const pid = Number(name);
      const stat = statOf(pid);
      if (stat === null) continue;
      const argv = readProc(`/proc/${pid}/cmdline`)?.split("\0").slice(0, -1) ?? [];
      const { state: _, ...identity } = stat;
      entries.push({ pid, ...identity, environment: readProc(`/proc/${pid}/environ`) ?? "", argv });
    }
    return entries;
  },
  isStopped: (pid) => /^[Tt]$/.test(statOf(pid)?.state ?? ""),
};

let bootId: string | null = null;

interface Stat {
  readonly born: string;
  readonly parent: number;
  readonly session: number;
  readonly state: string;
}

function statOf(pid: number): Stat | null {
  const stat = readProc(`/proc/${pid}/stat`);
  if (stat === null) return null;
  // The name, in parentheses, may hold anything; the rest is: state parent group session … start (the 20th).
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const [state = "", parent, , session] = fields;
  if (state === "Z" || state === "X") return null;
  // Start is counted from the boot, so the boot is part of it.
  bootId ??= readProc("/proc/sys/kernel/random/boot_id")?.trim() ?? "";
  return { born: `${bootId}/${fields[19]}`, parent: Number(parent), session: Number(session), state };
}

/** Null when it is gone or belongs to another user. */
function readProc(path: string): string | null {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return null;
  }
}

/** Through `ps`: BSD's and macOS's know `-E` for the environment, procps' knows `e`. */
export function createPsTable(platform: NodeJS.Platform): ProcessTable {
  const everything = platform === "linux" ? "axeww" : "-axEww";
  const columns = "pid=,ppid=,pgid=,stat=,lstart=,command=";
  return {
    identify(pid) {
      const found = psEntry(ps("-ww", "-o", columns, "-p", String(pid)).trim());
      return found === null ? null : { pid: found.pid, born: found.born };
    },
    list: () =>
      ps(everything, "-o", columns)
        .split("\n")
        .map((line) => psEntry(line.trim()))
        .filter((entry) => entry !== null),
    isStopped: (pid) => ps("-o", "stat=", "-p", String(pid)).trim().startsWith("T"),
  };
}

const ps = (...args: string[]) => {
  try {
    return execFileSync("ps", args, {
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      env: { PATH: process.env["PATH"], LC_ALL: "C" },
      stdio: ["ignore", "pipe", "ignore"],
    });
  } catch {
    return "";
  }
};

function psEntry(line: string): ProcessEntry | null {
  const parts = /^(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d+)\s+(.*)$/.exec(line);
  if (parts === null) return null;
  const [, pid, parent, group, state = "", born = "", command = ""] = parts;
  if (state.startsWith("Z")) return null;
  return {
    pid: Number(pid),
    parent: Number(parent),
    session: Number(group),
    born: born.replaceAll(/\s+/g, " "),
    environment: command,
    argv: command.split(" "),
  };
}
