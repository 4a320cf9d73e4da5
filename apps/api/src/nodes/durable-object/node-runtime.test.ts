/** Where a node runs agents, as it reports itself, in its view and its row. */
import { env } from "cloudflare:workers";
import { PROTOCOL_VERSION } from "@samovar/contracts";
import { afterEach, expect, it, vi } from "vitest";
import { database } from "../../database/index.ts";
import { findNode } from "../store.ts";
import { aHolder, aNode, anOwner, connect, connected, fireAlarm, stopClock } from "./node.testing.ts";
import { scriptedCloud } from "./scripted-cloud.ts";
import { getNodeObject } from "./stub.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("[security 23] shows where a node runs agents, as its last hello says; earlier nodes do not say it", async () => {
  stopClock();
  scriptedCloud();
  const owner = await anOwner();
  const nodeId = await aNode(await aHolder(owner), owner);
  await fireAlarm(nodeId);
  const view = () => getNodeObject(env, nodeId).view();
  await connected(nodeId);
  expect(await view()).toMatchObject({ runtime: null });

  const runtime = { kind: "process", reason: "bubblewrap is not installed." } as const;
  const again = await connect(nodeId);
  const frame = { protocol: PROTOCOL_VERSION, agentVersion: "test", epoch: 1, lastCommand: 0, workspaces: [] };
  again.send({ type: "hello", ...frame, resources: { cpus: 1, memoryBytes: 1 }, runtime });
  await again.next("welcome");
  expect(await view()).toMatchObject({ runtime });
  await vi.waitFor(async () => expect(await findNode(database(env), nodeId)).toMatchObject({ runtime }));
});

it("[R18] a node that still installs tools is connected, takes no task, and says what it waits for", async () => {
  stopClock();
  scriptedCloud();
  const owner = await anOwner();
  const lease = await aHolder(owner);
  const nodeId = await aNode(lease, owner);
  await fireAlarm(nodeId);
  const node = getNodeObject(env, nodeId);
  const agent = await connect(nodeId);
  const hello = (runtime: object) => {
    const frame = { protocol: PROTOCOL_VERSION, agentVersion: "test", epoch: 1, lastCommand: 0, workspaces: [] };
    agent.send({ type: "hello", ...frame, resources: { cpus: 1, memoryBytes: 1 }, runtime });
    return agent.next("welcome");
  };
  const runtime = { kind: "preparing", reason: "installing bubblewrap git" };
  await hello(runtime);
  expect(await node.view()).toMatchObject({ state: "provisioning", runtime, unreachableSince: null });
  expect(await node.observe(lease.workspaceId)).toMatchObject({ node: { state: "provisioning", connected: true } });
  const failing = { kind: "preparing", reason: "installing git (the last attempt failed)" };
  await hello(failing);
  await vi.waitFor(async () =>
    expect(await findNode(database(env), nodeId)).toMatchObject({ state: "provisioning", runtime: failing }),
  );

  await hello({ kind: "sandbox", reason: null });
  expect(await node.view()).toMatchObject({ state: "active", runtime: { kind: "sandbox" } });
});
