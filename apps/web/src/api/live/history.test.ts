/** Reading backwards into the live store, against a session that goes on meanwhile. */
import type { MessageView, ViewerEvent } from "@samovar/contracts";
import { reachesStart } from "@samovar/domain/transcript";
import { beforeEach, describe, expect, it } from "vitest";
import { aMessage, make } from "../views.testing.ts";
import { createHistory as createHistoryAt, type ReadPage } from "./history.ts";
import { createLiveStore, type LiveStore } from "./store.ts";

const session = make("ses");
const createHistory = (into: LiveStore, read: ReadPage) => createHistoryAt(into, read, () => Promise.resolve());
const TOTAL = 1_000;

let said: MessageView[];
let version: number;
let asked: number[];
let store: LiveStore;

const page: ReadPage = async (_session, before) => {
  asked.push(before);
  return { messages: said.slice(Math.max(0, before - 200), before), version };
};

const sync = (messages: readonly MessageView[], restart: boolean): ViewerEvent => ({
  type: "sync",
  sessionId: session,
  version,
  messages: [...messages],
  more: false,
  ...(restart ? { restart } : {}),
});

const held = () => store.getState().transcripts.get(session);
const positions = () => held()?.transcript.messages.map(({ position }) => position);
const upTo = (from: number) => Array.from({ length: TOTAL - from }, (_, index) => from + index);

beforeEach(() => {
  said = Array.from({ length: TOTAL }, (_, position) => aMessage({ sessionId: session, position }));
  version = TOTAL;
  asked = [];
  store = createLiveStore();
  store.getState().hold(session);
  store.getState().commit([sync(said.slice(-200), true)]);
});

describe("[R27] reading back", () => {
  it("joins one page for a near goal", async () => {
    await createHistory(store, page).readBack(session, 799);
    expect(asked).toEqual([800]);
    expect(positions()).toEqual(upTo(600));
    expect(held()?.older).toBe("idle");
  });

  it("reads several pages at once for a far one, and knows the start", async () => {
    await createHistory(store, page).readBack(session, 0);
    expect(asked).toEqual([800, 600, 400, 200]);
    expect(positions()).toEqual(upTo(0));
    const transcript = held()?.transcript;
    expect(transcript !== undefined && reachesStart(transcript)).toBe(true);
    await createHistory(store, page).readBack(session, 0);
    expect(asked).toHaveLength(4);
  });

  it("goes on from shorter pages: long messages make them so", async () => {
    const short: ReadPage = async (_session, before) => ({
      messages: said.slice(Math.max(0, before - 70), before),
      version,
    });
    await createHistory(store, short).readBack(session, 500);
    expect(positions()?.[0]).toBeLessThanOrEqual(500);
    expect(positions()).toEqual(upTo(positions()?.[0] ?? -1));
  });

  it("is one reader a session: a further goal joins it", async () => {
    const history = createHistory(store, page);
    await Promise.all([history.readBack(session, 799), history.readBack(session, 300)]);
    expect(new Set(asked).size).toBe(asked.length);
    expect(positions()?.[0]).toBeLessThanOrEqual(300);
  });

  it("asks again when the page is older than a change that came by meanwhile", async () => {
    const overtaken: ReadPage = async (sessionId, before) => {
      const answer = await page(sessionId, before);
      if (asked.length > 1) return answer;
      version += 1;
      said = said.with(700, { ...aMessage(said[700]), content: "changed", revision: 2 });
      store.getState().commit([sync([said[700] ?? aMessage()], false)]);
      return answer;
    };
    await createHistory(store, overtaken).readBack(session, 799);
    expect(asked).toEqual([800, 800]);
    expect(held()?.transcript.messages.find(({ position }) => position === 700)?.content).toBe("changed");
  });

  it("reports that no answer came, keeps what is there, and can be asked again", async () => {
    let down = true;
    const history = createHistory(store, async (sessionId, before) => {
      if (down) throw new Error("offline");
      return page(sessionId, before);
    });
    await history.readBack(session, 799);
    expect(held()?.older).toBe("failed");
    expect(positions()).toEqual(upTo(800));
    down = false;
    await history.readBack(session, 799);
    expect(held()?.older).toBe("idle");
    expect(positions()).toEqual(upTo(600));
  });

  it("gives up on pages that lead nowhere instead of asking for ever", async () => {
    await createHistory(store, async (_session, before) => {
      asked.push(before);
      return { messages: said.slice(0, 10), version };
    }).readBack(session, 799);
    expect(asked).toEqual([800, 800, 800]);
    expect(held()?.older).toBe("failed");
  });
});
