/** A restored installation, and the nodes and runs of the one whose backup it was made from. */
import { env } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { database } from "../database/index.ts";
import { anOwner } from "../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import type { ScriptedCloud } from "../nodes/durable-object/scripted-cloud.ts";
import { toServerName } from "../nodes/server-name.ts";
import { findNode } from "../nodes/store.ts";
import {
  getWorkspace,
  now,
  reaches,
  readTranscript,
  ScriptedNode,
  soon,
  submit,
  toSession,
} from "../tasks/workflow/scripted-node.testing.ts";
import { sweepRestored } from "./restored.ts";
import { runSweep } from "./sweep.ts";

let cloud: ScriptedCloud;
beforeEach(() => {
  cloud = scriptedCloud();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const sweep = (restoredAt: number | null) => {
  const restored = restoredAt === null ? env : { ...env, RESTORED_AT: String(restoredAt) };
  return runSweep(restored, Date.now(), { restored: sweepRestored });
};
const listServerNames = () => [...cloud.servers.values()].map(({ name }) => name);

it("[T1] [R53] what was in flight fails with the reason, and is not run again on another node", async () => {
  const ownerId = await anOwner();
  const working = await submit(ownerId);
  const machine = await ScriptedNode.of(ownerId);
  await machine.begins();
  await reaches(working, "in_progress");
  expect(await sweep(null), "without a restore nothing happens").toMatchObject([{ ok: true, found: 0 }]);
  expect(await sweep(Date.now() + 1)).toMatchObject([{ ok: true, acted: 2 }]);
  expect(await now(working)).toMatchObject({ status: "failed", failure: { code: "restored" } });
  expect(await toSession(working)).toMatchObject({ status: "error" });
  expect((await readTranscript(working)).at(-1)).toMatch(/^This task was in flight when the backup was made/);
  expect(await getWorkspace(working)).toMatchObject({ state: "failed" });
  await vi.waitFor(async () => expect((await findNode(database(env), machine.nodeId))?.state).toBe("destroyed"), soon);
  expect(await sweep(Date.now() + 1)).toMatchObject([{ ok: true, found: 0 }]);
});

it("[T1] runs and nodes that began after the restore are left alone", async () => {
  const ownerId = await anOwner();
  const restoredAt = Date.now() - 60_000;
  const task = await submit(ownerId);
  const machine = await ScriptedNode.of(ownerId);
  await machine.begins();
  await reaches(task, "in_progress");
  expect(await sweep(restoredAt)).toMatchObject([{ ok: true, found: 0 }]);
  expect(await now(task)).toMatchObject({ status: "in_progress" });
});

it.each([
  ["samovar-installation", "the-original"],
  ["samovar-node", "nod_of_another"],
])("[N1] [R53] a server whose label %s is another's is not deleted by its id", async (label, value) => {
  const ownerId = await anOwner();
  const task = await submit(ownerId);
  const machine = await ScriptedNode.of(ownerId);
  await machine.begins();
  await reaches(task, "in_progress");
  const server = [...cloud.servers.values()].find(({ name }) => name === toServerName(machine.nodeId));
  if (server === undefined) throw new Error("the node has a server");
  server.labels[label] = value;
  await sweep(Date.now() + 1);
  await vi.waitFor(async () => expect((await findNode(database(env), machine.nodeId))?.state).toBe("destroyed"), soon);
  expect(listServerNames()).toContain(server.name);
  expect(cloud.calls.filter((call) => call.startsWith("DELETE"))).toEqual([]);
});
