/** Debian's `hcloud` (package hcloud-cli) against the local cloud: what a stranger's client makes of it. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { LocalCloud } from "./index.ts";
import { makeRig, type Rig, TOKEN } from "./rig.testing.ts";

let rig: Rig;
let cloud: LocalCloud;
beforeAll(async () => {
  rig = await makeRig();
  cloud = await rig.start();
});
afterAll(() => rig.close());

async function hcloud(...args: string[]): Promise<string> {
  try {
    const env = { PATH: process.env["PATH"], HOME: rig.dataDir, HCLOUD_TOKEN: TOKEN, HCLOUD_ENDPOINT: cloud.url };
    return (await promisify(execFile)("hcloud", args, { env })).stdout;
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw missing ? new Error("this test needs the Debian package hcloud-cli (apt-get install hcloud-cli)") : error;
  }
}

test("makes, lists, describes, labels, switches and deletes a server", async () => {
  const seed = join(rig.dataDir, "user-data");
  writeFileSync(seed, rig.userData);
  const created = await hcloud(
    "server",
    "create",
    "--name",
    "w1",
    "--type",
    "local2",
    "--image",
    "debian-12",
    "--location",
    "local",
    "--label",
    "a=b",
    "--user-data-from-file",
    seed,
  );
  expect(created).toMatch(/Server \d+ created/);
  const id = cloud.servers()[0]?.id ?? 0;
  await rig.agentUp(id);

  expect(await hcloud("server", "list", "-l", "a=b", "-o", "columns=id,name,status", "-o", "noheader")).toMatch(
    new RegExp(`^${id}\\s+w1\\s+running`),
  );
  expect(JSON.parse(await hcloud("server", "describe", "w1", "-o", "json"))).toMatchObject({
    id,
    status: "running",
    labels: { a: "b" },
  });
  await hcloud("server", "add-label", "w1", "c=d");
  expect(cloud.servers()[0]?.labels).toEqual({ a: "b", c: "d" });

  await hcloud("server", "poweroff", "w1");
  expect(cloud.servers()[0]?.status).toBe("off");
  expect(rig.processes([id])).toEqual([]);
  await hcloud("server", "poweron", "w1");
  await rig.agentUp(id, 2);
  await hcloud("server", "reboot", "w1");
  await rig.agentUp(id, 3);

  expect(await hcloud("server", "delete", "w1")).toContain("deleted");
  await vi.waitFor(async () => expect(await cloud.servers()).toEqual([]));
});

test("lists what is offered, and says why not", async () => {
  expect(await hcloud("server-type", "list")).toContain("local8");
  expect(await hcloud("location", "list")).toContain("local");
  expect(await hcloud("image", "list")).toContain("debian-12");
  expect(await hcloud("ssh-key", "list")).toContain("ID");
  await expect(
    hcloud("server", "create", "--name", "x", "--type", "none", "--image", "debian-12"),
  ).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("invalid_input"),
  });
  await expect(hcloud("server", "describe", "none")).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("not found"),
  });
});
