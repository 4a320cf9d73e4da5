/** What the programs of one workspace may use: settings, defaults relative to the node, and sentences about it. Pure. */
import type { Failure, NodeEnvironment, WorkspaceLimits } from "@samovar/contracts";

export type LimitSettings = Pick<
  NodeEnvironment,
  "WORKSPACE_MAX_PROCESSES" | "WORKSPACE_MAX_MEMORY_MB" | "WORKSPACE_MAX_DISK_MB"
>;

export interface NodeResources {
  readonly memoryBytes: number;
  /** Of the disk with the node's state. */
  readonly freeDiskBytes: number;
}

const SHARE = 0.75;
const MB = 1024 * 1024;

export function resolveLimits(settings: LimitSettings, node: NodeResources): WorkspaceLimits {
  const { WORKSPACE_MAX_PROCESSES, WORKSPACE_MAX_MEMORY_MB, WORKSPACE_MAX_DISK_MB } = settings;
  return {
    processes: WORKSPACE_MAX_PROCESSES === 0 ? null : WORKSPACE_MAX_PROCESSES,
    memoryBytes: toBytes(WORKSPACE_MAX_MEMORY_MB, node.memoryBytes),
    diskBytes: toBytes(WORKSPACE_MAX_DISK_MB, node.freeDiskBytes),
  };
}

function toBytes(megabytes: number | undefined, available: number): number | null {
  if (megabytes === undefined) return Math.floor(available * SHARE);
  return megabytes === 0 ? null : megabytes * MB;
}

/** A limit that was reached. `used`: a count or bytes, and at least what was used. */
export interface LimitReached {
  readonly of: "processes" | "memory" | "disk";
  readonly used: number;
  readonly max: number;
}

export function createLimitFailure({ of, used, max }: LimitReached): Failure {
  const figures = of === "processes" ? `${used} of ${max}` : `${toMegabytes(used)} of ${toMegabytes(max)} MB`;
  const message = `The workspace reached its limit of ${NAMES[of].what}: ${figures}. Its programs were ended. The setting of the nodes is ${NAMES[of].setting}.`;
  return { code: "workspace_limit", message };
}

const toMegabytes = (bytes: number): number => Math.ceil(bytes / MB);

const NAMES = {
  processes: { what: "processes and threads", setting: "WORKSPACE_MAX_PROCESSES" },
  memory: { what: "memory", setting: "WORKSPACE_MAX_MEMORY_MB" },
  disk: { what: "disk space", setting: "WORKSPACE_MAX_DISK_MB" },
} as const;
