/**
 * Control groups that share the CPU. The processes of all local nodes are in one group with one share, and the control plane
 * has a larger share in another. Without them the kernel counts each session of processes (autogroup), and
 * thirty agents outweigh one control plane whatever their priorities. Best effort: groups are created where this user may create them,
 * as root or in a systemd service to which control groups are delegated. See https://docs.kernel.org/admin-guide/cgroup-v2.html.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  getUnifiedDirectory,
  parseControlGroups,
  readKernelFile,
  removeGroup,
  removeStaleGroups,
} from "./control-groups.ts";
import { findProgram } from "./find-program.ts";

type Argv = readonly [file: string, ...args: string[]];

export interface CpuGroup {
  /** Its directory; null if there is no group. */
  readonly directory: string | null;
  /**
   * The argv that starts this program in the group. `path`: where the program is looked for; a missing one fails as it
   * would without.
   */
  enter(argv: Argv, path: string | undefined): Argv;
  /** Moves a process into the group; what it starts from then on is there too. */
  admit(pid: number): void;
  /** Moves its processes back, as far as the kernel allows, and removes it. */
  remove(): void;
}

const NO_GROUP: CpuGroup = { directory: null, enter: (argv) => argv, admit: () => {}, remove: () => {} };

/** `control-plane`: eight times the share of what else runs on this machine. It needs little and must answer at once. */
const SHARES = { nodes: 1, "control-plane": 8 } as const;
const PREFIX = "samovar-";
/** The id of the process that made a group. */
const OWNER = /^samovar-(?:nodes|control-plane)-(\d+)$/;
const CONTROL_PLANE = /^samovar-control-plane-\d+$/;
/** In the unified hierarchy, a group with processes cannot share its CPU among subgroups, so those move into one. */
const REST = `${PREFIX}rest`;
/** Starts the program even if the group is gone. Removes what shells add to the environment. */
const ENTER = `echo 0 >"$1/cgroup.procs"; shift; unset PWD OLDPWD SHLVL _; exec "$@"`;

/** Makes a group that belongs to this process. */
export function openCpuGroup(name: keyof typeof SHARES): CpuGroup {
  try {
    const place = findPlace();
    if (place === null) return NO_GROUP;
    removeStaleGroups(place.parent, OWNER);
    const directory = join(place.parent, `${PREFIX}${name}-${process.pid}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, place.file), String(place.ordinary * SHARES[name]));
    return {
      directory,
      enter: (argv, path) =>
        findProgram(argv[0], path ?? "") === null ? argv : ["/bin/sh", "-c", ENTER, "sh", directory, ...argv],
      admit: (pid) => move(pid, directory),
      remove() {
        for (const pid of listMembers(directory)) move(pid, place.parent);
        removeGroup(directory);
      },
    };
  } catch {
    return NO_GROUP;
  }
}

interface Place {
  readonly parent: string;
  /** The file with a group's share, and its default value. */
  readonly file: "cpu.shares" | "cpu.weight";
  readonly ordinary: number;
}

function findPlace(): Place | null {
  const groups = parseControlGroups(readKernelFile("/proc/self/cgroup"), readKernelFile("/proc/self/mountinfo"));
  const first = groups.findV1("cpu");
  if (first !== null) return { parent: leaveControlPlane(first), file: "cpu.shares", ordinary: 1024 };
  const parent = groups.unified === null ? null : prepareUnified(getUnifiedDirectory(groups.unified));
  return parent === null ? null : { parent, file: "cpu.weight", ordinary: 100 };
}

/** A control plane that is already in its group creates the others beside it. */
const leaveControlPlane = (own: string) => (CONTROL_PLANE.test(basename(own)) ? dirname(own) : own);

/** Null if the group of this process also has others in it: then it is not delegated to us. */
function prepareUnified(own: string): string | null {
  const parent = leaveControlPlane(own);
  if (parent === own) {
    const members = listMembers(own);
    if (!existsSync(join(own, "cgroup.type")) || !members.every(isOurs)) return null;
    mkdirSync(join(own, REST), { recursive: true });
    for (const pid of members) move(pid, join(own, REST));
  }
  writeFileSync(join(parent, "cgroup.subtree_control"), "+cpu");
  return parent;
}

/** Whether this process descends from it, or it from this process. */
const isOurs = (pid: number) => listAncestors(process.pid).includes(pid) || listAncestors(pid).includes(process.pid);

/** Itself first. */
function listAncestors(pid: number): readonly number[] {
  const parent = Number(/^PPid:\t(\d+)/m.exec(readKernelFile(`/proc/${pid}/status`))?.[1] ?? 0);
  return parent <= 1 ? [pid] : [pid, ...listAncestors(parent)];
}

const listMembers = (group: string) =>
  readKernelFile(join(group, "cgroup.procs")).split("\n").filter(Boolean).map(Number);

function move(pid: number, group: string): void {
  try {
    writeFileSync(join(group, "cgroup.procs"), String(pid));
  } catch {
    // It has gone, or the kernel refuses it; then it stays where it is.
  }
}
