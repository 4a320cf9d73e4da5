/** Commands beside a Samovar that starts, that is away for a moment, that hangs, and that is gone. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { TaskView } from "@samovar/contracts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { recordedRuntime, tryKill } from "../harness/control-plane.ts";
import {
  type Installation,
  removeDirectory,
  samovar,
  startInstallation,
  parseTask,
  temporaryDirectory,
} from "../harness/installation.ts";
import { makeRepository } from "../harness/repository.ts";
import { say, script } from "../harness/scripts.ts";

const SUBMITS = 3;
let dataDir: string;
let here: Installation;
let repository: string;

beforeAll(async () => {
  dataDir = await temporaryDirectory();
  repository = makeRepository(join(dataDir, "repository"));
});

afterAll(async () => {
  await here.stop();
  await removeDirectory(dataDir);
});

async function listed(): Promise<TaskView[]> {
  const { stdout } = await here.samovar(["tasks", "--json"]);
  return JSON.parse(stdout) as TaskView[];
}

test("a command waits for a Samovar that is starting; once it is ready, commands work", async () => {
  const starting = startInstallation({ dataDir, port: 0 });
  await vi.waitFor(() => expect(existsSync(join(dataDir, "lock"))).toBe(true), { interval: 5 });
  const early = samovar(["tasks", "--json", "--data-dir", dataDir]);
  here = await starting;
  expect(existsSync(join(dataDir, "instance.json"))).toBe(true);
  expect(await early).toMatchObject({ code: 0, stdout: "[]\n" });
});

test("[R21] [F45] a task that is submitted while workerd restarts is submitted exactly once", async () => {
  for (let submit = 0; submit < SUBMITS; submit++) {
    const runtime = await recordedRuntime(here);
    tryKill(runtime);
    const text = script(`Task ${submit}`, say("Hello."));
    const ran = await here.samovar(["run", "--json", "--no-follow", "--repo", repository, text]);
    expect(ran).toMatchObject({ code: 0 });
    expect(parseTask(ran).title).toBe(`Task ${submit}`);
    await vi.waitFor(async () => expect(await recordedRuntime(here)).not.toBe(runtime));
  }
  expect((await listed()).map(({ title }) => title).toSorted()).toEqual([0, 1, 2].map((n) => `Task ${n}`));
});

test("a command reports a Samovar that hangs, and uses its answer when it comes; Ctrl-C ends the wait", async () => {
  const runtime = await recordedRuntime(here);
  process.kill(runtime, "SIGSTOP");
  try {
    const [waiting, leaving] = [here.follow(["tasks", "--json"]), here.follow(["tasks", "--json"])];
    await Promise.all([waiting, leaving].map(({ process: { stderr } }) => stderr && once(stderr, "data")));
    leaving.process.kill("SIGINT");
    await leaving.finished;
    expect(leaving.process.signalCode).toBe("SIGINT");
    process.kill(runtime, "SIGCONT");
    expect(await waiting.finished).toMatchObject({ code: 0, stderr: "Samovar is not answering yet; retrying.\n" });
  } finally {
    process.kill(runtime, "SIGCONT");
  }
});

test("a command gives up on a Samovar that keeps hanging, with a hint", async () => {
  const runtime = await recordedRuntime(here);
  process.kill(runtime, "SIGSTOP");
  try {
    const { code, stderr } = await here.samovar(["tasks"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/retrying\.\nSamovar is running \(process \d+\) but has not answered for 10 seconds\.\n/);
  } finally {
    process.kill(runtime, "SIGCONT");
  }
});

test("[F11] a command reports a killed Samovar at once", async () => {
  const runtime = await recordedRuntime(here);
  here.process.kill("SIGKILL");
  await once(here.process, "exit");
  tryKill(runtime);
  const { code, stderr } = await here.samovar(["tasks"]);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: "No Samovar is running for this data directory.\nStart it with: samovar up\n",
  });
  here = await startInstallation({ dataDir });
  expect(await listed()).toHaveLength(SUBMITS);
});
