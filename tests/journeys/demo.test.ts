import { expect, test } from "vitest";
import { removeDirectory, samovar, temporaryDirectory } from "../harness/installation.ts";
import { listProcesses } from "../harness/processes.ts";

test("[R37] the demo fixes a bug from text to pushed branch, verifies its transcript and leaves nothing running; it says first where its agent runs", async () => {
  const dataDir = await temporaryDirectory();
  const demo = await samovar(["demo", "--once", "--data-dir", dataDir]);
  // The harness asks for processes; the sentence is that of the runtime which the node then uses.
  expect(demo.stdout).toMatch(
    process.getuid?.() === 0
      ? /^Agents run without a sandbox, each workspace .*: WORKSPACE_RUNTIME is process\.$/m
      : /^Agents run with your user's permissions on this machine: WORKSPACE_RUNTIME is process\.$/m,
  );
  expect(demo.stderr + demo.stdout).toMatch(/transcript complete: (\d+)\/\1 messages, digest [0-9a-f]+/);
  expect(demo.stdout).toMatch(/task\/tsk_[0-9a-z]{26}/);
  expect(demo.stdout).toMatch(/1 file, \+2 −1/);
  expect(demo.code).toBe(0);
  expect(await listProcesses(dataDir)).toEqual([]);
  await removeDirectory(dataDir);
});
