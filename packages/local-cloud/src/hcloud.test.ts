/** Debian's `hcloud` (package hcloud-cli) against the local cloud: what a stranger's client makes of it. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { writeFileSync } from "node:fs";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { LocalCloud } from "./index.ts";
import { makeRig, type Rig, TOKEN, WAIT } from "./rig.testing.ts";

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

  for (const selector of ["a in (b,x),c==d", "a,!z", "a!=x"])
    expect(await hcloud("server", "list", "-l", selector, "-o", "noheader"), selector).toContain("w1");
  expect((await hcloud("server", "list", "-l", "a notin (b)", "-o", "noheader")).trim()).toBe("");

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

test("makes, finds, describes, attaches and deletes a firewall, but not one that is in use", async () => {
  const rules = join(rig.dataDir, "rules.json");
  writeFileSync(
    rules,
    JSON.stringify([{ direction: "in", protocol: "tcp", port: "22", source_ips: ["10.0.0.0/8"], description: "ssh" }]),
  );
  const made = await hcloud("firewall", "create", "--name", "f1", "--label", "a=b", "--rules-file", rules);
  expect(made).toMatch(/Firewall \d+ created/);
  await hcloud("firewall", "create", "--name", "f2");
  expect(await hcloud("firewall", "list", "-l", "a=b", "-o", "noheader", "-o", "columns=name,rules_count")).toMatch(
    /^f1\s+1 Rule\s*$/,
  );
  expect(JSON.parse(await hcloud("firewall", "describe", "f1", "-o", "json"))).toMatchObject({
    name: "f1",
    labels: { a: "b" },
    rules: [{ direction: "in", protocol: "tcp", port: "22", source_ips: ["10.0.0.0/8"], description: "ssh" }],
    applied_to: [],
  });
  await expect(hcloud("firewall", "create", "--name", "f1")).rejects.toMatchObject({
    stderr: expect.stringContaining("uniqueness_error"),
  });

  const off = ["--type", "local2", "--image", "debian-12", "--start-after-create=false"];
  await hcloud("server", "create", "--name", "w2", ...off, "--firewall", "f1");
  expect(JSON.parse(await hcloud("server", "describe", "w2", "-o", "json"))).toMatchObject({
    public_net: { firewalls: [{ status: "applied" }] },
  });
  await hcloud("firewall", "apply-to-resource", "f2", "--type", "server", "--server", "w2");
  await expect(hcloud("firewall", "delete", "f1")).rejects.toMatchObject({
    stderr: expect.stringContaining("resource_in_use"),
  });
  await hcloud("firewall", "remove-from-resource", "f2", "--type", "server", "--server", "w2");
  const ssh = ["--direction", "in", "--protocol", "tcp", "--port", "22", "--source-ips", "10.0.0.0/8"];
  await hcloud("firewall", "delete-rule", "f1", ...ssh, "--description", "ssh");
  expect(JSON.parse(await hcloud("firewall", "describe", "f1", "-o", "json"))).toMatchObject({ rules: [] });

  await hcloud("server", "delete", "w2");
  await vi.waitFor(async () => expect(await hcloud("firewall", "delete", "f1")).toContain("deleted"), WAIT);
  await hcloud("firewall", "delete", "f2");
  expect((await hcloud("firewall", "list", "-o", "noheader")).trim()).toBe("");
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
