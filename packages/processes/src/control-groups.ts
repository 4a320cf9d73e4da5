/** Finds this process's control groups, as cgroups(7) describes them, and removes groups of processes that are gone. */
import { existsSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join, resolve } from "node:path";

export interface ControlGroups {
  /** This process's directory in the hierarchy of a version 1 controller, such as `pids`; null without one. */
  findV1(controller: string): string | null;
  /** This process's group in the unified hierarchy, and its mount point; null if it is not mounted from its root. */
  readonly unified: { readonly mount: string; readonly group: string } | null;
}

/** Pure. `groups`, `mounts`: the contents of `/proc/self/cgroup` and `/proc/self/mountinfo`. */
export function parseControlGroups(groups: string, mounts: string): ControlGroups {
  const own = new Map(
    groups.split("\n").flatMap((line): [string, string][] => {
      const [, controllers, ...path] = line.split(":");
      return controllers === undefined ? [] : [[controllers, path.join(":")]];
    }),
  );
  const mounted = mounts.split("\n").map((line) => {
    const [before = "", after = ""] = line.split(" - ");
    const [type = "", , options = ""] = after.split(" ");
    return { point: before.split(" ")[4] ?? "", root: before.split(" ")[3] ?? "", type, options: options.split(",") };
  });
  const unified = mounted.find(({ type }) => type === "cgroup2");
  return {
    findV1(controller) {
      const mount = mounted.find(({ type, options }) => type === "cgroup" && options.includes(controller));
      const group = [...own].find(([controllers]) => controllers.split(",").includes(controller))?.[1];
      return mount === undefined || group === undefined || mount.root !== "/"
        ? null
        : resolve(`${mount.point}${group}`);
    },
    unified: unified === undefined || unified.root !== "/" ? null : { mount: unified.point, group: own.get("") ?? "/" },
  };
}

/** The directory of the unified group. */
export const getUnifiedDirectory = ({ mount, group }: NonNullable<ControlGroups["unified"]>): string =>
  join(mount, group);

/** Removes groups below `parent` whose process is gone; `owner` finds its id in a group's name. */
export function removeStaleGroups(parent: string, owner: RegExp): void {
  for (const name of readdirSync(parent)) {
    const pid = owner.exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeGroup(join(parent, name));
  }
}

/** Best effort: a group with processes stays. */
export function removeGroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It is already gone, or a process is still in it.
  }
}

/** The text of a file of `/proc` or of a group; empty if it is gone. */
export function readKernelFile(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
