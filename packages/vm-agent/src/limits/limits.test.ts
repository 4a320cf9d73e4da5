/** Limits as settings and sentences, where control groups are found, and what a watch reports of given facts. */
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeEnvironment } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { findPlace } from "./cgroups.ts";
import { createLimitFailure, resolveLimits } from "./limits.ts";
import { measureDisk } from "./usage.ts";

const MB = 1024 * 1024;

describe("[R48] a workspace's limits", () => {
  const node = { memoryBytes: 8000 * MB, freeDiskBytes: 40_000 * MB };

  test("are relative to the node by default", () => {
    expect(resolveLimits(nodeEnvironment.parse({}), node)).toEqual({
      processes: 4096,
      memoryBytes: 6000 * MB,
      diskBytes: 30_000 * MB,
    });
  });

  test("are what the settings say, and none for 0", () => {
    const set = { WORKSPACE_MAX_PROCESSES: "64", WORKSPACE_MAX_MEMORY_MB: "512", WORKSPACE_MAX_DISK_MB: "100" };
    expect(resolveLimits(nodeEnvironment.parse(set), node)).toEqual({
      processes: 64,
      memoryBytes: 512 * MB,
      diskBytes: 100 * MB,
    });
    const none = { WORKSPACE_MAX_PROCESSES: "0", WORKSPACE_MAX_MEMORY_MB: "0", WORKSPACE_MAX_DISK_MB: "0" };
    expect(resolveLimits(nodeEnvironment.parse(none), node)).toEqual({
      processes: null,
      memoryBytes: null,
      diskBytes: null,
    });
    expect(() => nodeEnvironment.parse({ WORKSPACE_MAX_PROCESSES: "-1" })).toThrow();
    expect(() => nodeEnvironment.parse({ WORKSPACE_MAX_DISK_MB: "all" })).toThrow();
  });

  test("fail with figures and the setting's name", () => {
    expect(createLimitFailure({ of: "processes", used: 65, max: 64 })).toEqual({
      code: "workspace_limit",
      message:
        "The workspace reached its limit of processes and threads: 65 of 64. Its programs were ended. The setting of the nodes is WORKSPACE_MAX_PROCESSES.",
    });
    expect(createLimitFailure({ of: "disk", used: 2 * MB + 1, max: 2 * MB }).message).toContain(
      "disk space: 3 of 2 MB. Its programs were ended. The setting of the nodes is WORKSPACE_MAX_DISK_MB.",
    );
  });
});

describe("control groups", () => {
  const mount = (point: string, type: string, options: string) =>
    `33 24 0:27 / ${point} rw - ${type} ${type} ${options}`;

  test("of version 2 are used where the service's are delegated, beside the daemon's", () => {
    const mounts = mount("/sys/fs/cgroup", "cgroup2", "rw,nsdelegate");
    const service = "/system.slice/samovar.service";
    const parent = `/sys/fs/cgroup${service}`;
    expect(findPlace(`0::${service}/daemon\n`, mounts)).toEqual({ version: 2, parent });
    expect(findPlace(`0::${service}\n`, mounts)).toBeNull();
    expect(findPlace("0::/user.slice/user-1000.slice/session-2.scope\n", mounts)).toBeNull();
  });

  test("of version 1 are used below this process's", () => {
    const mounts = [
      mount("/sys/fs/cgroup/memory", "cgroup", "rw,memory"),
      mount("/sys/fs/cgroup/pids", "cgroup", "rw,pids"),
      mount("/sys/fs/cgroup/unified", "cgroup2", "rw"),
    ].join("\n");
    expect(findPlace("8:pids:/\n4:memory:/a/b:c\n0::/\n", mounts)).toEqual({
      version: 1,
      pids: "/sys/fs/cgroup/pids",
      memory: "/sys/fs/cgroup/memory/a/b:c",
    });
  });

  test("are not there without their file systems", () => {
    expect(findPlace("", "")).toBeNull();
    expect(findPlace("8:pids:/\n", mount("/sys/fs/cgroup/pids", "cgroup", "rw,pids"))).toBeNull();
  });
});

describe("the disk space of a workspace", () => {
  let root: string;
  beforeEach(() => (root = mkdtempSync(join(tmpdir(), "smv-disk-"))));
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  test("is that of all files below, and of none that a link names", async () => {
    mkdirSync(join(root, "mine/deep"), { recursive: true });
    writeFileSync(join(root, "other"), Buffer.alloc(8 * MB, 1));
    const before = await measureDisk([join(root, "mine")], Infinity);
    writeFileSync(join(root, "mine/deep/a"), Buffer.alloc(3 * MB, 1));
    symlinkSync(join(root, "other"), join(root, "mine/link"));
    symlinkSync("..", join(root, "mine/loop"));
    linkSync(join(root, "mine/deep/a"), join(root, "mine/again"));
    const used = (await measureDisk([join(root, "mine"), join(root, "absent")], Infinity)) - before;
    expect(used).toBeGreaterThanOrEqual(3 * MB);
    expect(used).toBeLessThan(4 * MB);
  });
});
