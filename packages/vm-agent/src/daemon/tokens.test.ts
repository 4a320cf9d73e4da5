/** Workspace tokens, with manual timers. */
import type { WorkspaceId } from "@samovar/base";
import { type TestTime, testTime } from "@samovar/testing";
import { beforeEach, expect, test } from "vitest";
import { ids } from "./control-plane.testing.ts";
import { WorkspaceTokens } from "./tokens.ts";

const HOUR = 3_600_000;
const [workspaceId, sessionId] = [ids.make("wsp"), ids.make("ses")];
let time: TestTime;
let requests: (readonly WorkspaceId[])[];
let tokens: WorkspaceTokens;

beforeEach(() => {
  [time, requests] = [testTime(0), []];
  tokens = new WorkspaceTokens({ clock: time, timers: time, renew: (workspaces) => requests.push(workspaces) });
  tokens.start();
});

test("[F38] returns no expired token", () => {
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: 1000 });
  expect(tokens.get(sessionId)?.token).toBe("a");
  time.advance(1000);
  expect(tokens.get(sessionId)).toBeNull();
});

test("[F38] resolves a wait when the token arrives, and requests it repeatedly meanwhile", async () => {
  const waiting = tokens.waitFor(sessionId, workspaceId, new AbortController().signal);
  time.advance(5_000);
  time.advance(5_000);
  expect(requests).toEqual([[workspaceId], [workspaceId], [workspaceId]]);
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: HOUR });
  expect(await waiting).toBe("a");
  time.advance(30_000);
  expect(requests).toHaveLength(3);
});

test("resolves an aborted wait with null, and removes only the token that was rejected", async () => {
  const abort = new AbortController();
  const waiting = tokens.waitFor(sessionId, workspaceId, abort.signal);
  abort.abort();
  expect(await waiting).toBeNull();
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: HOUR });
  tokens.reject(sessionId, "an older one");
  expect(tokens.get(sessionId)?.token).toBe("a");
  tokens.reject(sessionId, "a");
  expect(tokens.get(sessionId)).toBeNull();
});

test("[F38] renews a token an hour before it expires, until a newer one arrives", () => {
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: 2 * HOUR });
  time.advance(HOUR - 1);
  expect(requests).toEqual([]);
  time.advance(1);
  expect(requests).toEqual([[workspaceId]]);
  time.advance(1_000);
  expect(requests).toEqual([[workspaceId], [workspaceId]]);
  tokens.put({ workspaceId, sessionId, token: "b", expiresAt: 24 * HOUR });
  time.advance(60_000);
  expect(requests).toHaveLength(2);
});

test("[F38] renews the node token in the same way", () => {
  tokens.setNodeTokenExpiry(2 * HOUR);
  time.advance(HOUR - 1);
  expect(requests).toEqual([]);
  time.advance(1);
  expect(requests).toEqual([[]]);
});

test("[F38] renews a token with a short TTL halfway through it", () => {
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: 4_000 });
  time.advance(1_000);
  expect(requests).toEqual([]);
  time.advance(1_000);
  expect(requests).toEqual([[workspaceId]]);
});

test("[F7] limits the requests after repeated refusals", () => {
  for (let n = 0; n < 100; n++) tokens.request(workspaceId);
  expect(requests).toHaveLength(1);
  time.advance(5_000);
  tokens.request(workspaceId);
  expect(requests).toHaveLength(2);
});

test("removes a finished session's token", () => {
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: HOUR });
  tokens.remove(sessionId, workspaceId);
  expect(tokens.get(sessionId)).toBeNull();
});
