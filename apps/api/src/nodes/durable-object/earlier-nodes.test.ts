/** Nodes that an earlier version made, whose stored identity lacks what came later. */
import { env } from "cloudflare:workers";
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { aHolder, aNode, anOwner, fireAlarm, stopClock } from "./node.testing.ts";
import { scriptedCloud } from "./scripted-cloud.ts";
import { getNodeObject } from "./stub.ts";

beforeEach(stopClock);
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("an earlier node without a recorded provider is at Hetzner", async () => {
  const cloud = scriptedCloud();
  const owner = await anOwner();
  const nodeId = await aNode(await aHolder(owner), owner, "digitalocean");
  const node = getNodeObject(env, nodeId);
  expect(await node.view()).toMatchObject({ provider: "digitalocean" });
  await runInDurableObject(node, (_object, state) => {
    state.storage.sql.exec("UPDATE node SET identity = json_remove(identity, '$.provider')");
  });
  await evictDurableObject(node);
  expect(await getNodeObject(env, nodeId).view()).toMatchObject({ provider: "hetzner" });
  await fireAlarm(nodeId);
  expect([cloud.servers.size, cloud.droplets.size]).toEqual([1, 0]);
});
