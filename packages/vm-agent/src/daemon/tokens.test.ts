/** Tests of the workspace tokens' life, with time in the test's hand. */
import type { WorkspaceId } from "@samovar/base";
import { type TestTime, testTime } from "@samovar/testing";
import { beforeEach, expect, test } from "vitest";
import { ids } from "./control-plane.testing.ts";
import { WorkspaceTokens } from "./tokens.ts";

const HOUR = 3_600_000;
const [workspaceId, sessionId] = [ids.make("wsp"), ids.make("ses")];
let time: TestTime;
let asked: (readonly WorkspaceId[])[];
let tokens: WorkspaceTokens;

beforeEach(() => {
  [time, asked] = [testTime(0), []];
  tokens = new WorkspaceTokens({ clock: time, timers: time, renew: (workspaces) => asked.push(workspaces) });
  tokens.start();
});

test("[F38] a token that has run out is no token", () => {
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: 1000 });
  expect(tokens.get(sessionId)?.token).toBe("a");
  time.advance(1000);
  expect(tokens.get(sessionId)).toBeNull();
});

test("[F38] whoever waits for a token is given it when it comes; it is asked for again and again meanwhile", async () => {
  const waiting = tokens.until(sessionId, workspaceId, new AbortController().signal);
  time.advance(5_000);
  time.advance(5_000);
  expect(asked).toEqual([[workspaceId], [workspaceId], [workspaceId]]);
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: HOUR });
  expect(await waiting).toBe("a");
  time.advance(30_000);
  expect(asked).toHaveLength(3);
});

test("who stops waiting has none, and one that was refused is none", async () => {
  const leaving = new AbortController();
  const waiting = tokens.until(sessionId, workspaceId, leaving.signal);
  leaving.abort();
  expect(await waiting).toBeNull();
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: HOUR });
  tokens.refuse(sessionId, "an older one");
  expect(tokens.get(sessionId)?.token).toBe("a");
  tokens.refuse(sessionId, "a");
  expect(tokens.get(sessionId)).toBeNull();
});

test("[F38] a token is renewed an hour before it runs out, until a newer one has come", () => {
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: 2 * HOUR });
  time.advance(HOUR - 1);
  expect(asked).toEqual([]);
  time.advance(1);
  expect(asked).toEqual([[workspaceId]]);
  time.advance(1_000);
  expect(asked).toEqual([[workspaceId], [workspaceId]]);
  tokens.put({ workspaceId, sessionId, token: "b", expiresAt: 24 * HOUR });
  time.advance(60_000);
  expect(asked).toHaveLength(2);
});

test("[F38] the node's own token is renewed alike", () => {
  tokens.nodeTokenExpires(2 * HOUR);
  time.advance(HOUR - 1);
  expect(asked).toEqual([]);
  time.advance(1);
  expect(asked).toEqual([[]]);
});

test("[F38] one that holds for seconds is renewed when half of them are over", () => {
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: 4_000 });
  time.advance(1_000);
  expect(asked).toEqual([]);
  time.advance(1_000);
  expect(asked).toEqual([[workspaceId]]);
});

test("[F7] refusals in a row do not make a storm of requests", () => {
  for (let n = 0; n < 100; n++) tokens.want(workspaceId);
  expect(asked).toHaveLength(1);
  time.advance(5_000);
  tokens.want(workspaceId);
  expect(asked).toHaveLength(2);
});

test("a finished session's token is not kept", () => {
  tokens.put({ workspaceId, sessionId, token: "a", expiresAt: HOUR });
  tokens.forget(sessionId, workspaceId);
  expect(tokens.get(sessionId)).toBeNull();
});
