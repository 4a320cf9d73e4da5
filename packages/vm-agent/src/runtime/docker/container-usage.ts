/** What the programs of a container use, and whether the engine had to keep them within its limits. Reads the node's `/proc`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readMemoryFiles, readTreeUsage, type Usage } from "../../limits/usage.ts";

/** The file systems in memory that every container gets. */
const IN_MEMORY = ["dev", "dev/shm", "run", "var/tmp"];

/** Of each controller: its name in version 1, the file where the kernel counts what it refused, and the count. */
const EVENTS = {
  processes: [
    { controller: "pids", file: "pids.events", line: /^max (\d+)$/m },
    { controller: "", file: "pids.events", line: /^max (\d+)$/m },
  ],
  memory: [
    { controller: "memory", file: "memory.oom_control", line: /^oom_kill (\d+)$/m },
    { controller: "", file: "memory.events", line: /^oom_kill (\d+)$/m },
  ],
} as const;

const CGROUPS = "/sys/fs/cgroup";

/** `first`: the container's process 1 on the node. Above `max` where the kernel refused processes or memory. */
export function readContainerUsage(first: number, max: Usage): Usage {
  const { processes, memoryBytes } = readTreeUsage(first, max);
  const groups = readGroups(first);
  const wasRefused = (of: keyof typeof EVENTS) =>
    EVENTS[of].some(({ controller, file, line }) => {
      const group = groups.get(controller);
      return group !== undefined && Number(line.exec(read(join(CGROUPS, controller, group, file)))?.[1] ?? 0) > 0;
    });
  return {
    processes: wasRefused("processes") ? Math.max(processes, max.processes + 1) : processes,
    memoryBytes: wasRefused("memory")
      ? Math.max(memoryBytes, max.memoryBytes + 1)
      : memoryBytes + readMemoryFiles(first, IN_MEMORY),
  };
}

/** Paths of its control groups by controller; of version 2 by the empty name. */
function readGroups(pid: number): ReadonlyMap<string, string> {
  const lines = read(`/proc/${pid}/cgroup`).split("\n");
  return new Map(
    lines.flatMap((line) => {
      const [, controllers = "", ...path] = line.split(":");
      return controllers.split(",").map((controller): [string, string] => [controller, path.join(":")]);
    }),
  );
}

function read(file: string): string {
  try {
    return readFileSync(file, "latin1");
  } catch {
    return "";
  }
}
