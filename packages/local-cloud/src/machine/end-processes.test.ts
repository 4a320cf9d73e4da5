import { spawn } from "node:child_process";
import { systemTimers } from "@samovar/base";
import { expect, onTestFinished, test } from "vitest";
import { endProcesses } from "./end-processes.ts";
import { type ProcessTable, processTable } from "./process-table.ts";

const MARKER = "SAMOVAR_SERVER_ID=end-processes-test";

/** A table whose processes, once killed, stay for a few looks without an environment, as Linux shows them while they exit. */
function createSlowlyDyingTable(pid: number, looks: number): ProcessTable {
  const real = processTable();
  const last = real.identify(pid);
  let left = looks;
  const isDying = () => real.identify(pid) === null && left > 0;
  return {
    ...real,
    identify(of) {
      if (of !== pid || !isDying()) return real.identify(of);
      left--;
      return last;
    },
    list: () => real.list(),
  };
}

test("waits for a process that is still dying, although its environment is gone", async () => {
  const child = spawn("sleep", ["1000"], {
    env: { PATH: process.env["PATH"], SAMOVAR_SERVER_ID: "end-processes-test" },
    stdio: "ignore",
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const pid = child.pid ?? expect.fail("no process");
  await new Promise((resolve) => child.once("spawn", resolve));
  const table = createSlowlyDyingTable(pid, 5);
  const ended = await endProcesses({ table, timers: systemTimers, marker: MARKER, roots: [], graceMs: 1000 });
  expect(ended).toBe(true);
  expect(table.identify(pid)).toBeNull();
});
