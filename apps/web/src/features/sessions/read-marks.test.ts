import { expect, it } from "vitest";
import { openStoredText } from "../../lib/stored-text.ts";
import { createReadMarks, countUnread } from "./read-marks.ts";
import { aSession } from "../../api/views.testing.ts";

function kept() {
  const values = new Map<string, string>();
  return openStoredText("marks", () => ({
    getItem: (name) => values.get(name) ?? null,
    setItem: (name, value) => void values.set(name, value),
    removeItem: (name) => void values.delete(name),
  }));
}

it("counts what came since a session was read, and what began after the first visit", () => {
  const marks = createReadMarks(kept(), 5_000);
  const old = aSession({ startedAt: 1_000, messageCount: 7 });
  const young = aSession({ startedAt: 6_000, messageCount: 2 });
  expect([countUnread(marks.getState(), old), countUnread(marks.getState(), young)]).toEqual([0, 2]);
  marks.getState().markRead(old.id, 7);
  marks.getState().markRead(old.id, 3);
  expect(countUnread(marks.getState(), { ...old, messageCount: 9 })).toBe(2);
});

it("remembers over a reload, and survives what it cannot read", () => {
  const store = kept();
  const session = aSession({ startedAt: 6_000, messageCount: 4 });
  createReadMarks(store, 5_000).getState().markRead(session.id, 4);
  const again = createReadMarks(store, 9_000).getState();
  expect([again.since, countUnread(again, { ...session, messageCount: 5 })]).toEqual([5_000, 1]);
  store.write("{not json");
  expect(createReadMarks(store, 9_000).getState().read.size).toBe(0);
});
