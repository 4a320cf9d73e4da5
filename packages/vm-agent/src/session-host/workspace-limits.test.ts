/** Programs that take too much of their node, in both runtimes: they are ended with the reason, and others go on. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import type { HostEnd, WorkspaceLimits } from "@samovar/contracts";
import { NO_LIMITS } from "@samovar/contracts";
import { findWorkingPlace } from "../limits/cgroups.ts";
import { openSessionLimits } from "../limits/session-limits.ts";
import { chooseRuntime, createHostSandbox } from "../runtime/choose-runtime.ts";
import { aLaunch, aToken, findSessionProcesses, startHost, startStore } from "./host.testing.ts";
import type { RunningHost } from "./host.testing.ts";

vi.setConfig({ testTimeout: 180_000 });

const SANDBOX = await chooseRuntime({ mode: "sandbox", readOnlyPaths: [] }, "/nonexistent", process.env);
const kinds = ["process", ...(SANDBOX.kind === "sandbox" ? (["sandbox"] as const) : [])] as const;
const MB = 1024 * 1024;

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0).toReversed()) cleanup();
});

const sh = (line: string) => `\`\`\`sh\n${line}\n\`\`\``;

interface Running {
  readonly host: RunningHost;
  readonly directory: string;
  readonly sessionId: string;
  /** How the session ends. */
  readonly end: Promise<HostEnd | null>;
}

async function run(kind: "process" | "sandbox", line: string, limits: Partial<WorkspaceLimits>): Promise<Running> {
  const { directory, launch } = aLaunch("http://127.0.0.1:9", sh(line));
  const store = await startStore(launch.sessionId);
  const places = { repo: launch.cwd, tmp: join(directory, "tmp") };
  const sandbox = kind === "sandbox" ? createHostSandbox(SANDBOX, places) : null;
  const changed = { ...launch, controlPlaneUrl: store.url, sandbox, limits: { ...NO_LIMITS, ...limits } };
  writeFileSync(join(directory, "host.json"), JSON.stringify(changed));
  const host = await startHost(directory);
  cleanups.push(() => {
    host.child.kill("SIGKILL");
    store.close();
    rmSync(directory, { recursive: true, force: true });
  });
  host.send(aToken());
  const ended = host.until((status) => status.phase === "ended" && status.drained);
  const end = ended.then(async ({ end: how }) => {
    host.send({ type: "shutdown" });
    await host.exited;
    return how;
  });
  return { host, directory, sessionId: launch.sessionId, end };
}

const failure = (words: RegExp) => ({
  outcome: "error",
  failure: { code: "workspace_limit", message: expect.stringMatching(words) },
});

describe.each(kinds)("[R48] [security 37] in the %s runtime", (kind) => {
  test("a program that starts processes without end is ended, and another workspace's goes on", async () => {
    const other = await run(kind, "echo begun >begun; while test ! -e over; do sleep 0.1; done; echo done", {
      processes: 200,
    });
    await vi.waitFor(() => expect(existsSync(join(other.directory, "repo/begun"))).toBe(true), { timeout: 60_000 });
    // Bounded in itself, so that a missing limit does no harm here.
    const bomb = "for i in $(seq 300); do sleep 1000 & done; wait";
    const bombing = await run(kind, bomb, { processes: 100 });
    expect(await bombing.end).toMatchObject(failure(/processes and threads: \d+ of 100\..*WORKSPACE_MAX_PROCESSES/));
    await vi.waitFor(() => expect(findSessionProcesses(bombing.sessionId)).toEqual([]));
    writeFileSync(join(other.directory, "repo/over"), "");
    expect(await other.end).toMatchObject({ outcome: "clean", failure: null });
  });

  test("a program that fills the memory is ended", async () => {
    const filling = await run(kind, "head -c 400000000 /dev/zero | tail -c 400000000 | sleep 1000", {
      memoryBytes: 250 * MB,
    });
    expect(await filling.end).toMatchObject(failure(/memory: \d+ of 250 MB\..*WORKSPACE_MAX_MEMORY_MB/));
  });

  test.each(["$PWD", ...(kind === "sandbox" ? ["/tmp"] : []), "$HOME"])(
    "a program that fills the disk in %s is ended",
    async (place) => {
      const line = `for i in 1 2 3 4; do head -c 15000000 /dev/zero >"${place}/big$i"; done; sleep 1000`;
      const filling = await run(kind, line, { diskBytes: 20 * MB });
      expect(await filling.end).toMatchObject(failure(/disk space: \d+ of 20 MB\..*WORKSPACE_MAX_DISK_MB/));
    },
  );

  test("a single file cannot be larger than the whole disk space", async () => {
    const line = 'head -c 30000000 /dev/zero >big 2>err; echo "bytes $(wc -c <big)"';
    const writing = await run(kind, `${line}; test "$(wc -c <big)" -le ${20 * MB}`, { diskBytes: 20 * MB });
    expect((await writing.end)?.failure?.code ?? "clean").toMatch(/^(clean|workspace_limit)$/);
  });
});

describe.each(kinds.filter((kind) => kind === "sandbox"))("files in memory", (kind) => {
  test("[R48] count as memory of the %s that made them", async () => {
    const line = "head -c 150000000 /dev/zero >/dev/shm/big; sleep 1000";
    const filling = await run(kind, line, { memoryBytes: 100 * MB });
    expect(await filling.end).toMatchObject(failure(/memory: \d+ of 100 MB/));
  });
});

test("[R48] where this user may make control groups, the kernel itself refuses more processes, and the groups are removed", async () => {
  const place = findWorkingPlace();
  const limits = openSessionLimits("of-the-test", { processes: 20, memoryBytes: null, diskBytes: null });
  const bomb = "for i in $(seq 40); do sleep 1000 & done; wait";
  const [file, ...words] = limits.enter(["sh", "-c", bomb]);
  const groups = words.filter((word) => word.startsWith("/sys/fs/cgroup/"));
  expect(groups.length > 0).toBe(place !== null);
  if (place === null) return;
  expect(spawnSync(file, words, { stdio: "ignore" }).status, "the shell could not fork").toBe(2);
  const listProcesses = () =>
    readFileSync(join(groups[0] ?? "", "cgroup.procs"), "utf8")
      .split("\n")
      .filter(Boolean);
  expect(listProcesses().length).toBeGreaterThan(10);
  expect(listProcesses().length).toBeLessThanOrEqual(20);
  for (const pid of listProcesses()) process.kill(Number(pid), "SIGKILL");
  await vi.waitFor(() => expect(listProcesses()).toEqual([]), { timeout: 60_000 });
  limits.remove();
  expect(groups.filter((group) => existsSync(group))).toEqual([]);
});

test("[R25] control groups of a host that was killed are removed by the next one", () => {
  const place = findWorkingPlace();
  const parents = place === null ? [] : place.version === 2 ? [place.parent] : [place.pids, place.memory];
  const gone = spawnSync("true").pid;
  const left = parents.map((parent) => join(parent, `samovar-${gone}-of-the-test`));
  for (const group of left) mkdirSync(group);
  openSessionLimits("of-the-test", { processes: 20, memoryBytes: null, diskBytes: null }).remove();
  expect(left.filter((group) => existsSync(group))).toEqual([]);
});
