/**
 * Watches what a workspace's programs use, and reports the first limit that they reach. Where the kernel enforces limits by
 * control groups, a limit is reached when the kernel had to.
 */
import type { Clock, Timers } from "@samovar/base";
import type { WorkspaceLimits } from "@samovar/contracts";
import type { Cgroup } from "./cgroups.ts";
import type { LimitReached } from "./limits.ts";
import { measureDisk, readFreeSpace, type Usage } from "./usage.ts";

export interface WatchPorts {
  readonly limits: WorkspaceLimits;
  readonly cgroup: Cgroup | null;
  /** What the workspace's programs outside the group use now; above `max` it need not be exact. */
  readUsage(max: Usage): Usage;
  /** Checkout, home and `/tmp` on the node, on one disk. */
  readonly directories: readonly string[];
  readonly clock: Clock;
  readonly timers: Timers;
  /** Called once. */
  onReached(reached: LimitReached): void;
}

const CHECK_EVERY_MS = 500;
/** Without a limit. */
const COUNTED_MAX = 100_000;
/** A walk through all files takes its time: at most this share of the time is for it. */
const DISK_SHARE = 0.02;
const DISK_EVERY_MS = 60_000;

export class LimitWatch {
  readonly #ports: WatchPorts;
  #cancel: () => void = () => {};
  #over = false;
  #diskBytes = 0;
  #diskAt: number;
  #diskTookMs = 0;
  /** Of the disk, when it was last measured. */
  #freeBytes: number | null;

  constructor(ports: WatchPorts) {
    this.#ports = ports;
    this.#diskAt = ports.clock.now();
    this.#freeBytes = this.#readFree();
    this.#plan();
  }

  /** Returns a limit that the kernel enforced since the last check, if any. */
  stop(): LimitReached | null {
    const isFirst = !this.#over;
    this.#over = true;
    this.#cancel();
    return isFirst ? this.#checkProcesses() : null;
  }

  #plan(): void {
    if (!this.#over) this.#cancel = this.#ports.timers.after(CHECK_EVERY_MS, () => void this.#check());
  }

  async #check(): Promise<void> {
    const reached = this.#checkProcesses() ?? (await this.#checkDisk());
    if (this.#over) return;
    if (reached === null) return this.#plan();
    this.#over = true;
    this.#ports.onReached(reached);
  }

  #checkProcesses(): LimitReached | null {
    const { processes, memoryBytes } = this.#ports.limits;
    const enforced = this.#ports.cgroup?.readReached() ?? [];
    const used = this.#ports.readUsage({ processes: processes ?? COUNTED_MAX, memoryBytes: memoryBytes ?? Infinity });
    if (processes !== null && (used.processes > processes || enforced.includes("processes")))
      return { of: "processes", used: Math.max(used.processes, processes), max: processes };
    if (memoryBytes !== null && (used.memoryBytes > memoryBytes || enforced.includes("memory")))
      return { of: "memory", used: Math.max(used.memoryBytes, memoryBytes), max: memoryBytes };
    return null;
  }

  /** The workspace cannot have passed its limit before that much of the disk is gone; but others may free some meanwhile. */
  async #checkDisk(): Promise<LimitReached | null> {
    const { limits, clock, directories } = this.#ports;
    if (limits.diskBytes === null) return null;
    const free = this.#readFree();
    const isPossible = free !== null && (this.#freeBytes ?? 0) - free > limits.diskBytes - this.#diskBytes;
    const waitedMs = clock.now() - this.#diskAt;
    if (!isPossible && waitedMs < DISK_EVERY_MS) return null;
    if (waitedMs < this.#diskTookMs / DISK_SHARE) return null;
    this.#freeBytes = free;
    const startedAt = performance.now();
    this.#diskBytes = await measureDisk(directories, limits.diskBytes);
    this.#diskTookMs = performance.now() - startedAt;
    this.#diskAt = clock.now();
    if (this.#diskBytes <= limits.diskBytes) return null;
    return { of: "disk", used: this.#diskBytes, max: limits.diskBytes };
  }

  #readFree(): number | null {
    const [first] = this.#ports.directories;
    return first === undefined ? null : readFreeSpace(first);
  }
}
