/** Tests of how much of a time span a process could have used: a pure table, and real processes. */
import { spawn } from "node:child_process";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { ProcessStat } from "./proc.ts";
import { readStat } from "./proc.ts";
import { processTime } from "./process-time.ts";

const stat = (state: string, cpuMs = 0): ProcessStat => ({ state, startTime: "1", cpuMs });

/** Counts one span of a second between two readings. */
function counted(before: ProcessStat | null, after: ProcessStat | null): number {
  const readings = [before, after];
  const time = processTime(
    () => 7,
    () => readings.shift() ?? null,
  );
  time(1_000);
  return time(1_000);
}

describe("a second of a process", () => {
  it.each([
    ["sleeps", stat("S"), stat("S"), 1_000],
    ["is stopped", stat("T"), stat("T"), 0],
    ["was stopped when it began", stat("T"), stat("S"), 0],
    ["is stopped when it ends", stat("S"), stat("T"), 0],
    ["is traced", stat("t"), stat("t"), 0],
    ["waits for a disk", stat("D"), stat("D"), 0],
    ["has the CPU for itself", stat("R", 100), stat("R", 1_100), 1_000],
    ["gets a tenth of the CPU", stat("R", 100), stat("R", 200), 100],
    ["uses two CPUs", stat("R", 0), stat("R", 2_000), 1_000],
    ["is dead and not collected", stat("S"), stat("Z"), 1_000],
    ["is gone", stat("S"), null, 1_000],
  ])("that %s", (_, before, after, expected) => {
    expect(counted(before, after)).toBe(expected);
  });

  it("counts for nothing when a process has just been started and waits for CPU", () => {
    const time = processTime(
      () => 7,
      () => stat("R", 10),
    );
    expect(time(1_000)).toBe(0);
  });

  it("counts whole while there is no process to look at", () => {
    expect(
      processTime(
        () => null,
        () => stat("T"),
      )(1_000),
    ).toBe(1_000);
  });

  it("is not compared with the second of another process", () => {
    const pids = [7, 8];
    const time = processTime(
      () => pids.shift() ?? null,
      (pid) => stat("R", pid === 7 ? 0 : 5_000),
    );
    time(1_000);
    expect(time(1_000)).toBe(0);
  });
});

describe("a real process", () => {
  const started: ReturnType<typeof spawn>[] = [];
  afterEach(() => {
    for (const child of started.splice(0)) child.kill("SIGKILL");
  });
  const start = (code: string) => {
    const child = spawn(process.execPath, ["-e", code], { stdio: "ignore" });
    started.push(child);
    return child;
  };

  it("[R55] counts for nothing while it is stopped, and again once it goes on", async () => {
    const child = start("setInterval(() => {}, 1000)");
    const time = processTime(() => child.pid ?? null);
    await vi.waitFor(() => expect(readStat(child.pid ?? 0)?.state).toBe("S"));
    child.kill("SIGSTOP");
    await vi.waitFor(() => expect(readStat(child.pid ?? 0)?.state).toBe("T"));
    time(1_000);
    expect(time(60_000)).toBe(0);
    child.kill("SIGCONT");
    await vi.waitFor(() => expect(readStat(child.pid ?? 0)?.state).toBe("S"));
    time(1_000);
    expect(time(1_000)).toBe(1_000);
  });

  it("[F40] counts for the CPU that it uses while it spins", async () => {
    const child = start("for (;;);");
    const time = processTime(() => child.pid ?? null);
    time(0);
    const before = readStat(child.pid ?? 0)?.cpuMs ?? 0;
    await vi.waitFor(() => expect((readStat(child.pid ?? 0)?.cpuMs ?? 0) - before).toBeGreaterThanOrEqual(200));
    expect(time(60_000)).toBeGreaterThanOrEqual(200);
  });
});
