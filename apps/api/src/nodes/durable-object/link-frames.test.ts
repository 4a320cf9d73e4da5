/** The size of a frame that a node's object takes. */
import { LIMITS, LINK_CLOSE } from "@samovar/contracts";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { aHolder, aNode, anOwner, connected, stopClock } from "./node.testing.ts";
import { scriptedCloud } from "./scripted-cloud.ts";

beforeEach(() => {
  stopClock();
  scriptedCloud();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

it("[security 16] a frame of too many bytes ends the connection, and one of the largest size does not", async () => {
  const owner = await anOwner();
  const agent = await connected(await aNode(await aHolder(owner), owner));
  const frame = (chars: number) => ({ type: "ping", more: "x".repeat(chars - '{"type":"ping","more":""}'.length) });
  agent.send(frame(LIMITS.linkFrameMaxBytes));
  await agent.next("pong");
  expect(agent.closedWith).toBeNull();
  agent.send(frame(LIMITS.linkFrameMaxBytes + 1));
  await vi.waitFor(() => expect(agent.closedWith).toBe(LINK_CLOSE.malformed));
});
