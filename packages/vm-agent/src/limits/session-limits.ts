/** The limits of one session's programs: its control groups, how programs enter them, and the watch. */
import type { Clock, Timers } from "@samovar/base";
import type { HostUser, WorkspaceLimits } from "@samovar/contracts";
import { Cgroup, findWorkingPlace } from "./cgroups.ts";
import { createEntry, type EnterLimits } from "./entry.ts";
import { LimitWatch } from "./limit-watch.ts";
import type { WorkspaceRuntime } from "../runtime/runtime.ts";
import type { LimitReached } from "./limits.ts";
import { NO_USAGE, type Usage } from "./usage.ts";

type Measured = Pick<WorkspaceRuntime, "kind" | "readUsage">;

export interface WatchInput {
  /** Whose usage is counted together. */
  readonly runtimes: readonly Measured[];
  readonly directories: readonly string[];
  readonly clock: Clock;
  readonly timers: Timers;
  onReached(reached: LimitReached): void;
}

export interface SessionLimits {
  readonly enter: EnterLimits;
  watch(input: WatchInput): Pick<LimitWatch, "stop">;
  /** Call when all programs are gone. */
  remove(): void;
}

/** `name`: of this process's limits, unique in it; `user`: of the workspace, null when it has none of its own. */
export function openSessionLimits(name: string, limits: WorkspaceLimits, user: HostUser | null = null): SessionLimits {
  const cgroup = makeCgroup(name, limits);
  return {
    enter: createEntry(limits, cgroup, user !== null),
    watch: ({ runtimes, ...input }) => {
      if (Object.values(limits).every((limit) => limit === null)) return { stop: () => null };
      // The kernel's own count is exact, and reading every process of the node takes its time. A container has groups of its own.
      const counted = cgroup === null ? runtimes : runtimes.filter(({ kind }) => kind === "docker");
      const readUsage = (max: Usage) =>
        counted.reduce((all, runtime) => {
          const used = runtime.readUsage(max);
          return { processes: all.processes + used.processes, memoryBytes: all.memoryBytes + used.memoryBytes };
        }, NO_USAGE);
      return new LimitWatch({ ...input, limits, cgroup, readUsage });
    },
    remove: () => cgroup?.remove(),
  };
}

/** Null where the kernel enforces nothing for this user. */
function makeCgroup(name: string, limits: WorkspaceLimits): Cgroup | null {
  const place = limits.processes === null && limits.memoryBytes === null ? null : findWorkingPlace();
  if (place === null) return null;
  try {
    return new Cgroup(place, name, limits);
  } catch {
    return null;
  }
}
