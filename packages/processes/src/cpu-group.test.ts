/** One group for all servers' processes, read from what the kernel says of real ones. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { afterAll, afterEach, expect, onTestFinished, test, vi } from "vitest";
import { openCpuGroup } from "./cpu-group.ts";

const group = openCpuGroup("nodes");
const started: ChildProcess[] = [];
const PATH = "/usr/bin:/bin";
afterEach(async () => {
  for (const child of started.splice(0)) {
    const ended = new Promise((resolve) => child.once("close", resolve));
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
    await ended;
  }
});
afterAll(() => group.remove());

function start([file, ...args]: readonly [string, ...string[]]): number {
  const child = spawn(file, args, { detached: true, stdio: "ignore" });
  started.push(child);
  return child.pid ?? expect.fail(`${file} was not started`);
}

/** Its group of the CPU controller, or its only group. */
const groupOf = (pid: number) => {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  return (
    lines.find((line) => line.split(":")[1]?.split(",").includes("cpu")) ?? lines.find((line) => line.startsWith("0:"))
  );
};
const commandOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0];
const cpuTicksOf = (pid: number) => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
};
/** Only where this user may make groups; elsewhere programs start as they would without. */
const HAS_GROUP = group.directory !== null;

test("programs enter the group, and what they start is in it too", async () => {
  const pid = start(group.enter(["sh", "-c", "sleep 1000; true"], PATH));
  const child = await vi.waitFor(() => {
    const found = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
    expect(commandOf(found)).toBe("sleep");
    return found;
  });
  const expected = HAS_GROUP ? expect.stringMatching(/\/samovar-nodes-\d+$/) : groupOf(process.pid);
  expect([groupOf(pid), groupOf(child)]).toEqual([expected, expected]);
});

test("a program that is missing fails as it would without the group", () => {
  expect(group.enter(["no-such-program", "x"], PATH)).toEqual(["no-such-program", "x"]);
});

test("a group that is gone keeps no program from starting", async () => {
  const gone = openCpuGroup("control-plane");
  gone.remove();
  const pid = start(gone.enter(["sleep", "1000"], PATH));
  await vi.waitFor(() => expect(commandOf(pid)).toBe("sleep"));
});

/** Of one core, in the time that all of them together used two seconds of it. */
async function measureShareOf(plane: readonly [string, ...string[]], servers: number): Promise<number> {
  const [core = ""] = /Cpus_allowed_list:\t(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.slice(1) ?? [];
  const pin = (argv: readonly string[]) => ["taskset", "-c", core, ...argv] as const;
  const others = Array.from({ length: servers }, () => start(group.enter(pin(SPIN), PATH)));
  const own = start(pin(plane));
  const all = [own, ...others];
  const before = await vi.waitFor(() => {
    expect(all.map(commandOf)).toEqual(all.map(() => "sh"));
    return all.map(cpuTicksOf);
  });
  const used = await vi.waitFor(
    () => {
      const since = all.map((pid, n) => cpuTicksOf(pid) - (before[n] ?? 0));
      expect(since.reduce((sum, ticks) => sum + ticks, 0)).toBeGreaterThan(200);
      return since;
    },
    { timeout: 60_000 },
  );
  return (used[0] ?? 0) / used.reduce((sum, ticks) => sum + ticks, 0);
}

const SPIN = ["sh", "-c", "while :; do :; done"] as const;
/** What else runs on this core takes from all alike, so the bounds are far from what the weights say. */
const IS_SHARED = HAS_GROUP && existsSync("/proc/self/autogroup");

test("[R55] ten busy sessions of nodes get no more of a core than one other program does", async () => {
  // A half; an eleventh without groups.
  expect(await measureShareOf(SPIN, 10)).toBeGreaterThan(IS_SHARED ? 0.3 : 0);
}, 90_000);

test("[R55] a busy control plane gets most of a core beside busy nodes", async () => {
  const plane = openCpuGroup("control-plane");
  onTestFinished(() => plane.remove());
  // Eight ninths.
  expect(await measureShareOf(plane.enter([...SPIN], PATH), 10)).toBeGreaterThan(IS_SHARED ? 0.6 : 0);
}, 90_000);

test("a process that is admitted is in the group with what it starts, until the group is removed", async () => {
  const plane = openCpuGroup("control-plane");
  const before = groupOf(process.pid);
  const pid = start(["sh", "-c", "read line; sleep 1000"]);
  plane.admit(pid);
  expect(groupOf(pid)).toEqual(HAS_GROUP ? expect.stringMatching(/\/samovar-control-plane-\d+$/) : before);
  plane.remove();
  expect(groupOf(pid)).toBe(before);
  expect(plane.directory === null || !existsSync(plane.directory)).toBe(true);
});

test("groups of processes that are gone are removed", async () => {
  const code = `import("./src/cpu-group.ts").then((m) => console.log(m.openCpuGroup("nodes").directory))`;
  const child = spawn(process.execPath, ["-e", code], {
    cwd: dirname(import.meta.dirname),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed] = await once(child.stdout, "data");
  await once(child, "close");
  const directory = String(printed).trim();
  expect(existsSync(directory)).toBe(HAS_GROUP);
  openCpuGroup("control-plane").remove();
  expect(existsSync(directory)).toBe(false);
  if (HAS_GROUP) expect(readdirSync(dirname(directory))).toContain(basename(group.directory ?? ""));
});
