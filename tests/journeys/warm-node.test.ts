import { existsSync } from "node:fs";
import { join } from "node:path";
import { nodeView, page } from "@samovar/contracts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Installation, removeDirectory, startInstallation, parseTask } from "../harness/installation.ts";
import { listProcesses } from "../harness/processes.ts";
import { git, makeRepository } from "../harness/repository.ts";

let here: Installation;

beforeAll(async () => {
  here = await startInstallation({ env: { NODE_WARM_TIMEOUT_MS: "4000" } });
});

afterAll(async () => {
  await removeDirectory(here.dataDir);
});

test("[R13] [R22] [R24] a second task runs on the same node, which then destroys itself; after Ctrl-C nothing is left", async () => {
  const repository = makeRepository(join(here.dataDir, "repository"));
  const write = (name: string) => `Write ${name}\n\n\`\`\`write ${name}.txt\n${name}\n\`\`\`\n`;

  const first = parseTask(await here.samovar(["run", "--json", "--repo", repository, write("one")]));
  const second = parseTask(await here.samovar(["run", "--json", "--repo", repository, write("two")]));

  expect(first.status).toBe("completed");
  expect(second.status).toBe("completed");
  expect(second.nodeId).toBe(first.nodeId);
  expect(git(repository, "show", `${second.branch}:two.txt`)).toBe("two");

  const destroyed = async () => {
    const { items } = page(nodeView).parse(await here.api("/api/nodes?state=destroyed"));
    expect(items.map((node) => node.id)).toContain(first.nodeId);
  };
  await vi.waitFor(destroyed, { interval: 200 });
  const nodes = await here.samovar(["nodes", "--json"]);
  expect(nodes.code).toBe(0);
  expect(
    (await listProcesses(join(here.dataDir, "vm"))).filter(({ command }) => !command.includes("samovar.mjs up")),
  ).toEqual([]);

  expect(await here.stop()).toBe(0);
  expect(await listProcesses(here.dataDir)).toEqual([]);
  for (const file of ["lock", "instance.json", "runtime.json"])
    expect(existsSync(join(here.dataDir, file))).toBe(false);
});
