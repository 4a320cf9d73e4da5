/** One group for all servers' processes, read from what the kernel says of real ones. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { afterAll, afterEach, expect, test, vi } from "vitest";
import { noCpuGroup, openCpuGroup } from "./cpu-group.ts";

const group = openCpuGroup(`test-${process.pid}`);
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
  return lines.find((line) => line.split(":")[1]?.split(",").includes("cpu")) ?? lines.find((line) => line.startsWith("0:"));
};
const commandOf = (pid: number) => readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0];
const cpuTicksOf = (pid: number) => {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
};
/** Only where this user may make groups; elsewhere programs start as they would without. */
const HAS_GROUP = group.enter !== noCpuGroup.enter;

test("programs enter the group, and what they start is in it too", async () => {
  const pid = start(group.enter(["sh", "-c", "sleep 1000; true"], PATH));
  const child = await vi.waitFor(() => {
    const found = Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
    expect(commandOf(found)).toBe("sleep");
    return found;
  });
  const expected = HAS_GROUP ? expect.stringMatching(/samovar-test-\d+$/) : groupOf(process.pid);
  expect([groupOf(pid), groupOf(child)]).toEqual([expected, expected]);
});

test("a program that is missing fails as it would without the group", () => {
  expect(group.enter(["no-such-program", "x"], PATH)).toEqual(["no-such-program", "x"]);
});

test("a group that is gone keeps no program from starting", async () => {
  const gone = openCpuGroup(`test-${process.pid}-gone`);
  gone.remove();
  const pid = start(gone.enter(["sleep", "1000"], PATH));
  await vi.waitFor(() => expect(commandOf(pid)).toBe("sleep"));
});

test("ten busy sessions of servers get no more of a core than one control plane does", async () => {
  const [core = ""] = /Cpus_allowed_list:\t(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.slice(1) ?? [];
  const spin = ["taskset", "-c", core, "sh", "-c", "while :; do :; done"] as const;
  const agents = Array.from({ length: 10 }, () => start(group.enter(spin, PATH)));
  const plane = start(spin);
  const readTicks = () => ({ plane: cpuTicksOf(plane), agents: agents.reduce((sum, pid) => sum + cpuTicksOf(pid), 0) });
  const before = await vi.waitFor(() => {
    expect(agents.map(commandOf)).toEqual(agents.map(() => "sh"));
    return readTicks();
  });
  const used = await vi.waitFor(
    () => {
      const { plane: planeTicks, agents: agentTicks } = readTicks();
      const since = { plane: planeTicks - before.plane, agents: agentTicks - before.agents };
      expect(since.plane + since.agents).toBeGreaterThan(200);
      return since;
    },
    { timeout: 60_000 },
  );
  const share = used.plane / (used.plane + used.agents);
  // A half by the groups' weights; without groups an eleventh. Others on this core take from both alike.
  if (HAS_GROUP && existsSync("/proc/self/autogroup")) expect(share).toBeGreaterThan(0.3);
  expect(share).toBeGreaterThan(0);
}, 90_000);
