/** What a new node's server is created with, against a scripted cloud. */
import { env } from "cloudflare:workers";
import { runInDurableObject } from "cloudflare:test";
import { systemClock, systemRandom } from "@samovar/base";
import { parseUserData } from "@samovar/cloud-init";
import { nodeEnvironment } from "@samovar/contracts";
import { afterEach, expect, it, vi } from "vitest";
import { TEST_SETTINGS } from "../../../test/settings.ts";
import { getConfig } from "../../config.ts";
import { aHolder, aNode, anOwner, stopClock } from "./node.testing.ts";
import { type ScriptedCloud, scriptedCloud } from "./scripted-cloud.ts";
import { askProvider } from "./server.ts";
import { NodeStorage } from "./storage.ts";
import { getNodeObject } from "./stub.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

/** Creates the server of a new node, under these settings; returns its vm-agent's environment. */
async function createServer(cloud: ScriptedCloud, settings: Readonly<Record<string, string>>) {
  const owner = await anOwner();
  const nodeId = await aNode(await aHolder(owner), owner);
  const config = getConfig({ ...TEST_SETTINGS, ...settings });
  await runInDurableObject(getNodeObject(env, nodeId), async (_object, state) => {
    const storage = new NodeStorage(state.storage);
    const identity = storage.node()?.identity ?? expect.fail("no node");
    const deps = { env, config, storage, clock: systemClock, random: systemRandom };
    expect(await askProvider(deps, identity, { kind: "provider.create" })).toMatchObject({ kind: "server.made" });
  });
  return () => readEnvironment([...cloud.servers.values()].find(({ labels }) => labels["samovar-node"] === nodeId));
}

function readEnvironment(server: { readonly userData: string } | undefined) {
  const parsed = parseUserData(server?.userData ?? "");
  if (!parsed.ok) return expect.fail(parsed.error);
  return nodeEnvironment.parse(parsed.value.units["samovar-agent.service"]?.environment);
}

it("[R40] a new node gets the settings of nodes; a later change reaches the next node and leaves this one as it is", async () => {
  stopClock();
  const cloud = scriptedCloud();
  const first = await createServer(cloud, { CLONE_TIMEOUT_MS: "61000", WORKSPACE_MAX_PROCESSES: "77" });
  const second = await createServer(cloud, { CLONE_TIMEOUT_MS: "62000", MSG_BATCH_MIN_INTERVAL_MS: "500" });
  expect(first()).toMatchObject({
    CLONE_TIMEOUT_MS: 61_000,
    WORKSPACE_MAX_PROCESSES: 77,
    MSG_BATCH_MIN_INTERVAL_MS: 250,
    LOG_LEVEL: TEST_SETTINGS.LOG_LEVEL,
  });
  expect(second()).toMatchObject({
    CLONE_TIMEOUT_MS: 62_000,
    WORKSPACE_MAX_PROCESSES: 4096,
    MSG_BATCH_MIN_INTERVAL_MS: 500,
  });
});
