/** The watch on real programs in both runtimes, as where the kernel enforces nothing for this user. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, systemTimers } from "@samovar/base";
import { NO_LIMITS, type WorkspaceLimits } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { chooseRuntime, createHostSandbox } from "../runtime/choose-runtime.ts";
import { NO_NETWORK } from "../runtime/network/workspace-network.ts";
import { createRuntime } from "../runtime/create-runtime.ts";
import type { WorkspaceRuntime } from "../runtime/runtime.ts";
import { createEntry } from "./entry.ts";
import { LimitWatch } from "./limit-watch.ts";
import type { LimitReached } from "./limits.ts";

vi.setConfig({ testTimeout: 120_000 });

const PATH = "/usr/local/bin:/usr/bin:/bin";
const SANDBOX = await chooseRuntime({ mode: "sandbox", readOnlyPaths: [] }, "/nonexistent", { PATH });
const kinds = ["process", ...(SANDBOX.kind === "sandbox" ? (["sandbox"] as const) : [])] as const;
const MB = 1024 * 1024;
const MARK = `ses-watched-${process.pid}`;

let root: string;
let runtime: WorkspaceRuntime;
let watch: LimitWatch | null = null;

describe.each(kinds)("[R48] without control groups, in the %s runtime", (kind) => {
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "smv-watch-"));
    const places = { repo: join(root, "repo"), home: join(root, "home"), tmp: join(root, "tmp") };
    for (const place of Object.values(places)) mkdirSync(place);
    const sandbox = kind === "sandbox" ? createHostSandbox(SANDBOX, places) : null;
    const enter = createEntry(NO_LIMITS, null, false);
    runtime = createRuntime({
      places: { checkout: places.repo, home: places.home },
      sandbox,
      network: NO_NETWORK,
      mark: MARK,
      timers: systemTimers,
      enter,
    });
  });
  afterEach(async () => {
    watch?.stop();
    await runtime.end();
    rmSync(root, { recursive: true, force: true });
  });

  const start = (line: string) => {
    const env = { PATH, HOME: runtime.seen.home, SAMOVAR_SESSION: MARK };
    return runtime.start({ argv: ["sh", "-c", line], env, stdin: "none", leavesServices: true });
  };
  const reach = (limits: Partial<WorkspaceLimits>) =>
    new Promise<LimitReached>((resolve) => {
      watch = new LimitWatch({
        limits: { ...NO_LIMITS, ...limits },
        cgroup: null,
        readUsage: (max) => runtime.readUsage(max),
        directories: [root],
        clock: systemClock,
        timers: systemTimers,
        onReached: resolve,
      });
    });

  test("counts the processes of services that a program left behind", async () => {
    const started = start("for i in $(seq 60); do sleep 1000 & done; exit 0");
    const reached = await reach({ processes: 50 });
    expect(reached).toMatchObject({ of: "processes", max: 50 });
    expect(reached.used).toBeGreaterThan(50);
    await started.exited;
    await runtime.end();
    await vi.waitFor(() => expect(runtime.readUsage({ processes: 1, memoryBytes: 1 }).processes).toBe(0));
  });

  test("counts the memory that a program fills, and shared pages once", async () => {
    // Each of the four maps the same pages.
    const share = `exec perl -e '$x = "x" x 60_000_000; for (1..3) { last unless fork } sleep 1000'`;
    start(share);
    const max = { processes: 100, memoryBytes: 1 };
    await vi.waitFor(() => expect(runtime.readUsage(max).processes).toBeGreaterThanOrEqual(4), { timeout: 60_000 });
    const { memoryBytes } = runtime.readUsage(max);
    expect(memoryBytes).toBeGreaterThan(55 * MB);
    expect(memoryBytes).toBeLessThan(200 * MB);
    expect(await reach({ memoryBytes: 50 * MB })).toMatchObject({ of: "memory", max: 50 * MB });
  });

  test("reports nothing of a program within its limits", async () => {
    const started = start("sleep 2; exit 0");
    const reached = reach({ processes: 50, memoryBytes: 500 * MB, diskBytes: 500 * MB });
    expect(await Promise.race([reached, started.exited])).toMatchObject({ code: 0 });
  });
});
