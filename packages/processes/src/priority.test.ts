/** CPU priority, read from what the kernel says of real processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { getPriority } from "node:os";
import { afterEach, describe, expect, test, vi } from "vitest";
import { LOWER_BY, lowerArgv, lowerGroup, lowerStarted } from "./priority.ts";

const started: ChildProcess[] = [];
afterEach(() => {
  for (const { pid } of started.splice(0)) if (pid !== undefined) process.kill(-pid, "SIGKILL");
});

type Argv = Parameters<typeof lowerArgv>[0];

/** In a new process session, as agents are started; `levels` lower than this process. */
function start(argv: Argv, levels: 0 | 1 | 2): number {
  let [file, ...args] = argv;
  for (let level = 0; level < levels; level++) [file, ...args] = lowerArgv([file, ...args], process.env["PATH"]);
  const child = spawn(file, args, { detached: true, stdio: "ignore" });
  lowerGroup(child, levels * LOWER_BY);
  started.push(child);
  if (child.pid === undefined) throw new Error(`${argv[0]} was not started`);
  return child.pid;
}

/** proc(5): fields after the name in parentheses, counted from 3. */
function statOf(path: string): readonly string[] {
  const text = readFileSync(path, "utf8");
  return text.slice(text.lastIndexOf(")") + 2).split(" ");
}
const nicenessOf = (path: string) => Number(statOf(path)[16]);
const nicenessOfThreads = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map((thread) => nicenessOf(`/proc/${pid}/task/${thread}/stat`));
const cpuTicksOf = (pid: number) => Number(statOf(`/proc/${pid}/stat`)[11]) + Number(statOf(`/proc/${pid}/stat`)[12]);
const childrenOf = (pid: number) =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
/** Null where the kernel has no autogroups. */
const groupNicenessOf = (pid: number) => {
  const file = `/proc/${pid}/autogroup`;
  return existsSync(file) ? Number(/nice (-?\d+)/.exec(readFileSync(file, "utf8"))?.[1]) : null;
};
const HAS_GROUPS = groupNicenessOf(process.pid) !== null;

describe("a program that is started one level lower", () => {
  test("has the lower priority with all its threads and children, and so have their groups", async () => {
    const own = getPriority();
    const code = `require("node:child_process").spawn("sleep", ["1000"]); setInterval(() => {}, 1e6)`;
    // Several at once: for a person without privileges the kernel lowers one group at a time.
    const pids = [1, 2, 3].map(() => start([process.execPath, "-e", code], 1));
    const expected = HAS_GROUPS ? own + LOWER_BY : null;
    await vi.waitFor(() => expect(pids.map(groupNicenessOf)).toEqual(pids.map(() => expected)));
    for (const pid of pids) {
      const children = await vi.waitFor(() => {
        const found = childrenOf(pid);
        expect(found).toHaveLength(1);
        return found;
      });
      const threads = nicenessOfThreads(pid);
      expect(threads.length).toBeGreaterThan(1);
      expect(new Set(threads)).toEqual(new Set([own + LOWER_BY]));
      expect(children.map((child) => nicenessOf(`/proc/${child}/stat`))).toEqual([own + LOWER_BY]);
    }
  });

  test("as a small program is lowered once it runs, with what it starts from then on", async () => {
    const child = spawn("sh", ["-c", "read line; sleep 1000"], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    started.push(child);
    lowerStarted(child);
    child.stdin.end("go\n");
    const { pid = 0 } = child;
    const [sleeping = 0] = await vi.waitFor(() => {
      const children = childrenOf(pid);
      expect(children).toHaveLength(1);
      return children;
    });
    for (const each of [pid, sleeping]) expect(nicenessOf(`/proc/${each}/stat`)).toBe(getPriority() + LOWER_BY);
    await vi.waitFor(() => expect(groupNicenessOf(pid)).toBe(HAS_GROUPS ? getPriority() + LOWER_BY : null));
  });

  test("is missing with the error that it would have without", async () => {
    const [file, ...args] = lowerArgv(["no-such-program", "x"], process.env["PATH"]);
    const [error] = await once(spawn(file, args, { detached: true }), "error");
    expect(error).toMatchObject({ code: "ENOENT", syscall: "spawn no-such-program" });
  });
});

test("a spinning agent, two levels lower, gets a fraction of what a spinning control plane gets of the same core", async () => {
  const [core = ""] = /Cpus_allowed_list:\t(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))?.slice(1) ?? [];
  const spin: Argv = ["taskset", "-c", core, "sh", "-c", "while :; do :; done"];
  const plane = start(spin, 0);
  const agent = start(spin, 2);
  await vi.waitFor(() => expect(groupNicenessOf(agent)).toBe(HAS_GROUPS ? getPriority() + 2 * LOWER_BY : null));
  const before = { plane: cpuTicksOf(plane), agent: cpuTicksOf(agent) };
  const used = await vi.waitFor(() => {
    const since = { plane: cpuTicksOf(plane) - before.plane, agent: cpuTicksOf(agent) - before.agent };
    expect(since.plane + since.agent).toBeGreaterThan(150);
    return since;
  });
  // A tenth by the kernel's weights. Others on this core take from both alike.
  expect(used.agent / (used.plane + used.agent)).toBeLessThan(0.3);
  expect(used.agent).toBeGreaterThan(0);
});
