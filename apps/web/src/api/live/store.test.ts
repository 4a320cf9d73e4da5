/** The live store through its public functions. The transcript core has its own tests. */
import type { MessageView, ViewerEvent } from "@samovar/contracts";
import { describe, expect, it, vi } from "vitest";
import { aMessage, make } from "../views.testing.ts";
import { createLiveStore, MAX_HELD } from "./store.ts";

const session = make("ses");
const message = (position: number, fields: Partial<MessageView> = {}) =>
  aMessage({ sessionId: session, position, ...fields });
const sync = (version: number, messages: MessageView[], more = false): ViewerEvent => ({
  type: "sync",
  sessionId: session,
  version,
  messages,
  more,
});
const added = (version: number, it: MessageView): ViewerEvent => ({
  type: "message.new",
  sessionId: session,
  version,
  message: it,
});
const grown = (version: number, it: MessageView, text: string): ViewerEvent => ({
  type: "message.updated",
  sessionId: session,
  version,
  change: {
    mode: "delta",
    delta: {
      messageId: it.messageId,
      revision: it.revision + 1,
      offset: it.content.length,
      text,
      final: false,
      interrupted: false,
      truncated: null,
      toolMetadata: null,
    },
  },
});

function holding() {
  const store = createLiveStore();
  store.getState().hold(session);
  const held = () => store.getState().transcripts.get(session);
  return {
    store,
    held,
    commit: store.getState().commit,
    texts: () => held()?.transcript.messages.map((it) => it.content),
  };
}

describe("the live store", () => {
  it("makes one change of many events", () => {
    const { store, commit, texts } = holding();
    const changed = vi.fn();
    store.subscribe(changed);
    const first = message(0, { content: "Hel" });
    commit([sync(1, [first]), grown(2, first, "lo"), added(3, message(1, { content: "there" }))]);
    expect(texts()).toEqual(["Hello", "there"]);
    expect(changed).toHaveBeenCalledTimes(1);
  });

  it("leaves the messages that did not change as they are, so that only one row is rendered", () => {
    const { commit, held } = holding();
    const [first, second] = [message(0, { content: "a" }), message(1, { content: "b" })];
    commit([sync(2, [first, second])]);
    const before = held()?.transcript.messages;
    commit([grown(3, second, "c")]);
    expect(held()?.transcript.messages[0]).toBe(before?.[0]);
    expect(held()?.transcript.messages[1]).not.toBe(before?.[1]);
  });

  it("[F43] asks again after a gap and shows nothing of what lies behind it", () => {
    const { commit, texts, store } = holding();
    const first = message(0, { content: "a" });
    commit([sync(1, [first])]);
    expect(commit([added(3, message(2, { content: "c" }))]).resync).toEqual(new Set([session]));
    expect(texts()).toEqual(["a"]);
    expect(store.getState().versionOf(session)).toBe(1);
    const answered = commit([sync(3, [message(1, { content: "b" }), message(2, { content: "c" })])]);
    expect(answered.resync).toEqual(new Set());
    expect(texts()).toEqual(["a", "b", "c"]);
  });

  it("does not ask again when the answer came in the same frame", () => {
    const { commit } = holding();
    commit([sync(1, [message(0)])]);
    expect(commit([added(3, message(2)), sync(3, [message(1), message(2)])]).resync).toEqual(new Set());
  });

  it("is synced when the last frame of an answer is there", () => {
    const { commit, held } = holding();
    commit([sync(2, [message(0)], true)]);
    expect(held()?.synced).toBe(false);
    commit([sync(2, [message(1)])]);
    expect(held()?.synced).toBe(true);
  });

  it("knows an empty session from one that is not there yet", () => {
    const { commit, held } = holding();
    expect(held()).toMatchObject({ synced: false });
    commit([sync(0, [])]);
    expect(held()).toMatchObject({ synced: true });
  });

  it("changes nothing and notifies no listener for sessions that it does not hold", () => {
    const { store, commit } = holding();
    const changed = vi.fn();
    store.subscribe(changed);
    const other = make("ses");
    commit([
      { type: "message.new", sessionId: other, version: 1, message: aMessage({ sessionId: other }) },
      { type: "pong" },
    ]);
    expect(changed).not.toHaveBeenCalled();
  });

  it("forgets the session that was not looked at for longest", () => {
    const { store, held } = holding();
    for (let n = 1; n < MAX_HELD; n++) store.getState().hold(make("ses"));
    expect(held()).toBeDefined();
    store.getState().hold(session);
    store.getState().hold(make("ses"));
    expect(held()).toBeDefined();
    for (let n = 1; n < MAX_HELD; n++) store.getState().hold(make("ses"));
    expect(held()).toBeUndefined();
    expect(store.getState().versionOf(session)).toBe(0);
  });
});
