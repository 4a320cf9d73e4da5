/**
 * One control group for the processes of all servers. With it they share the CPU with the control plane as one party, however
 * many there are; without it the kernel counts each session of processes (autogroup), and thirty agents outweigh one control
 * plane whatever their priorities. Best effort: made where this user may, as root or in a delegated systemd service.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findProgram, getUnifiedDirectory, parseControlGroups } from "@samovar/processes";

type Argv = readonly [file: string, ...args: string[]];

export interface CpuGroup {
  /** The argv that starts this program in the group. `path`: where it is looked for; a missing one fails as it would without. */
  enter(argv: Argv, path: string | undefined): Argv;
  /** Best effort: a group with processes stays, and the next cloud uses it again. */
  remove(): void;
}

export const noCpuGroup: CpuGroup = { enter: (argv) => argv, remove: () => {} };

/** A group with processes cannot share its CPU among subgroups, so the control plane's move into one of their own. */
const CONTROL_PLANE = "control-plane";
/** A program starts also where the group is gone. */
const ENTER = `echo 0 >"$1/cgroup.procs"; shift; unset PWD OLDPWD SHLVL _; exec "$@"`;

/** `name`: of the group, the same at each start of one cloud. */
export function openCpuGroup(name: string): CpuGroup {
  try {
    const parent = findParent();
    if (parent === null) return noCpuGroup;
    const directory = join(parent, `samovar-${name}`);
    mkdirSync(directory, { recursive: true });
    return {
      enter: (argv, path) =>
        findProgram(argv[0], path ?? "") === null ? argv : ["/bin/sh", "-c", ENTER, "sh", directory, ...argv],
      remove: () => removeGroup(directory),
    };
  } catch {
    return noCpuGroup;
  }
}

function findParent(): string | null {
  const groups = parseControlGroups(readText("/proc/self/cgroup"), readText("/proc/self/mountinfo"));
  const first = groups.findV1("cpu");
  if (first !== null) return first;
  return groups.unified === null ? null : prepareUnified(getUnifiedDirectory(groups.unified));
}

/** Null where the group of this process has others in it too: then nobody has delegated it to us. */
function prepareUnified(own: string): string | null {
  const parent = basename(own) === CONTROL_PLANE ? dirname(own) : own;
  if (parent === own) {
    const members = listMembers(own);
    if (!existsSync(join(own, "cgroup.type")) || !members.every(isOurs)) return null;
    mkdirSync(join(own, CONTROL_PLANE), { recursive: true });
    for (const pid of members) writeFileSync(join(own, CONTROL_PLANE, "cgroup.procs"), String(pid));
  }
  writeFileSync(join(parent, "cgroup.subtree_control"), "+cpu");
  return parent;
}

const listMembers = (group: string) =>
  readText(join(group, "cgroup.procs")).split("\n").filter(Boolean).map(Number);

/** Whether this process descends from it, or it from this process. */
const isOurs = (pid: number) => listAncestors(process.pid).includes(pid) || listAncestors(pid).includes(process.pid);

/** Itself first. */
function listAncestors(pid: number): readonly number[] {
  const parent = Number(/^PPid:\t(\d+)/m.exec(readText(`/proc/${pid}/status`))?.[1] ?? 0);
  return parent <= 1 ? [pid] : [pid, ...listAncestors(parent)];
}

function removeGroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // A process is still in it.
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
