/** Requests to a node, with a controlled clock. */
import { idSource, systemClock, systemRandom } from "@samovar/base";
import type { ControlFrame, NodeReply } from "@samovar/contracts";
import { beforeEach, expect, it } from "vitest";
import { CALL_TIMEOUT_MS, MAX_CONCURRENT_CALLS, NodeCalls } from "./calls.ts";

const call = { kind: "workspace.diff", workspaceId: idSource(systemClock, systemRandom).make("wsp") } as const;
const answer: NodeReply = { kind: "failed", failure: { code: "x", message: "An answer." } };
const unavailable = { kind: "failed", failure: { code: "unavailable" } };

let due: { readonly delayMs: number; readonly ring: () => void }[];
let sent: string[];
let calls: NodeCalls;
beforeEach(() => {
  due = [];
  sent = [];
  calls = new NodeCalls({
    after: (delayMs, callback) => {
      const timer = { delayMs, ring: callback };
      due.push(timer);
      return () => void (due = due.filter((each) => each !== timer));
    },
  });
});
const send = (frame: ControlFrame) => {
  if (frame.type === "call") sent.push(frame.id);
  return true;
};

it("gives each caller the answer to its request, and leaves no timer behind", async () => {
  const [first, second] = [calls.ask(call, send), calls.ask(call, send)];
  calls.resolve(sent[1] ?? "", answer);
  expect(await second).toEqual(answer);
  calls.resolve("unknown", answer);
  calls.resolve(sent[0] ?? "", answer);
  expect(await first).toEqual(answer);
  expect(due).toEqual([]);
});

it("fails after ten seconds, when the frame cannot be sent, and when the connection is lost", async () => {
  const slow = calls.ask(call, send);
  expect(due.map(({ delayMs }) => delayMs)).toEqual([CALL_TIMEOUT_MS]);
  due[0]?.ring();
  expect(await slow).toMatchObject(unavailable);
  expect(await calls.ask(call, () => false)).toMatchObject(unavailable);
  const cut = calls.ask(call, send);
  calls.abort();
  expect(await cut).toMatchObject(unavailable);
  expect(due).toEqual([]);
});

it("limits concurrent requests", async () => {
  const asked = Array.from({ length: MAX_CONCURRENT_CALLS }, () => calls.ask(call, send));
  expect(await calls.ask(call, send)).toMatchObject(unavailable);
  expect(sent).toHaveLength(MAX_CONCURRENT_CALLS);
  calls.abort();
  await Promise.all(asked);
  const next = calls.ask(call, send);
  calls.resolve(sent.at(-1) ?? "", answer);
  expect(await next).toEqual(answer);
});
