/**
 * Control groups, with which the kernel itself keeps a workspace within its limits of processes and memory. Version 2 where
 * systemd delegates a group to the vm-agent's service and starts the daemon in a subgroup `daemon`; version 1 where this
 * user may make groups. Elsewhere there are none, and the watch alone ends what goes too far.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { NodeRuntime, WorkspaceLimits } from "@samovar/contracts";
import {
  getUnifiedDirectory,
  parseControlGroups,
  readKernelFile,
  removeGroup,
  removeStaleGroups,
} from "@samovar/processes";

/** Directories of control groups in which groups of workspaces can be made. */
export type CgroupPlace =
  | { readonly version: 2; readonly parent: string }
  | { readonly version: 1; readonly pids: string; readonly memory: string };

/** The subgroup of the daemon, as the service's unit names it: a group with processes cannot limit its subgroups. */
const DAEMON_GROUP = "daemon";
const PREFIX = "samovar-";
/** The id of the process that made a group. */
const OWNER = /^samovar-(\d+)/;

/** Reads `/proc/self/cgroup` and `/proc/self/mountinfo`. Pure; null where there is no place. */
export function findPlace(groups: string, mounts: string): CgroupPlace | null {
  const { findV1, unified } = parseControlGroups(groups, mounts);
  const [pids, memory] = [findV1("pids"), findV1("memory")];
  if (pids !== null && memory !== null) return { version: 1, pids, memory };
  if (unified === null || basename(unified.group) !== DAEMON_GROUP) return null;
  return { version: 2, parent: dirname(getUnifiedDirectory(unified)) };
}

const readPlace = () => findPlace(readKernelFile("/proc/self/cgroup"), readKernelFile("/proc/self/mountinfo"));

/** The place on this machine, or null where groups cannot be made. Tries it. */
export function findWorkingPlace(): CgroupPlace | null {
  try {
    const place = readPlace();
    if (place === null) return null;
    new Cgroup(place, "probe", { processes: 1, memoryBytes: 1024 ** 3, diskBytes: null }).remove();
    return place;
  } catch {
    return null;
  }
}

/** As {@link NodeRuntime} reports it. Of a container, the engine sets the limits; its trial shows that it can. */
export const describeEnforcement = (kind: NodeRuntime["kind"]): NonNullable<NodeRuntime["limits"]> =>
  kind !== "docker" && findWorkingPlace() === null ? "watched" : "kernel";

/** One workspace's groups. */
export class Cgroup {
  /** Each has a file `cgroup.procs` that a process writes 0 to, to enter it. */
  readonly directories: readonly string[];
  readonly #events: readonly { readonly of: "processes" | "memory"; readonly file: string; readonly line: RegExp }[];

  /**
   * Makes the groups and sets their limits. They belong to this process; groups of processes that are gone are removed.
   * Throws when that is refused.
   */
  constructor(place: CgroupPlace, name: string, limits: WorkspaceLimits) {
    const group = `${PREFIX}${process.pid}-${name}`;
    for (const parent of listParents(place)) removeStaleGroups(parent, OWNER);
    if (place.version === 2) {
      const directory = join(place.parent, group);
      writeFileSync(join(place.parent, "cgroup.subtree_control"), "+pids +memory +cpu");
      this.directories = [directory];
      this.#make({ directory, "pids.max": limits.processes, "memory.max": limits.memoryBytes });
      if (limits.memoryBytes !== null && existsSync(join(directory, "memory.swap.max")))
        writeFileSync(join(directory, "memory.swap.max"), "0");
      this.#events = [
        { of: "processes", file: join(directory, "pids.events"), line: /^max (\d+)$/m },
        { of: "memory", file: join(directory, "memory.events"), line: /^oom_kill (\d+)$/m },
      ];
      return;
    }
    const [pids, memory] = [join(place.pids, group), join(place.memory, group)];
    this.directories = [pids, memory];
    this.#make({ directory: pids, "pids.max": limits.processes });
    this.#make({ directory: memory, "memory.limit_in_bytes": limits.memoryBytes });
    this.#events = [
      { of: "processes", file: join(pids, "pids.events"), line: /^max (\d+)$/m },
      { of: "memory", file: join(memory, "memory.oom_control"), line: /^oom_kill (\d+)$/m },
    ];
  }

  /** The limits that the kernel had to enforce so far. */
  readReached(): readonly ("processes" | "memory")[] {
    return this.#events
      .filter(({ file, line }) => Number(line.exec(readKernelFile(file))?.[1] ?? 0) > 0)
      .map(({ of }) => of);
  }

  /** Best effort: a group with processes stays. */
  remove(): void {
    for (const directory of this.directories) removeGroup(directory);
  }

  #make({
    directory,
    ...values
  }: {
    readonly directory: string;
    readonly [file: string]: string | number | null;
  }): void {
    mkdirSync(directory, { recursive: true });
    for (const [file, value] of Object.entries(values))
      if (value !== null) writeFileSync(join(directory, file), String(value));
  }
}

const listParents = (place: CgroupPlace) => (place.version === 2 ? [place.parent] : [place.pids, place.memory]);
