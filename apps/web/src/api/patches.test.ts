/** REST answers and live events in any order come to the newest of both. */
import type { Page, SessionView } from "@samovar/contracts";
import { describe, expect, it } from "vitest";
import { patchEvents, patchSessions, patchTasks } from "./patches.ts";
import { aProject, anEvent, aSession, aTask, make } from "./views.testing.ts";
import { createReceived } from "./received.ts";

const pages = (...items: SessionView[][]) => ({
  pages: items.map((page, index): Page<SessionView> => ({
    items: page,
    nextCursor: index === items.length - 1 ? "more" : `${index}`,
  })),
  pageParams: items.map((_, index) => `${index}`),
});
const [oldest, older, newer, newest] = [aSession(), aSession(), aSession(), aSession()];
const ids = (patched: ReturnType<typeof patchSessions>) =>
  patched?.pages.map((page) => page.items.map((session) => session.id));

describe("sessions", () => {
  it("change where they are, on any page", () => {
    const changed = { ...older, version: 5, topic: "New" };
    const patched = patchSessions(pages([newer], [older]), changed);
    expect(patched?.pages[1]?.items[0]).toEqual(changed);
  });

  it("never go back to an older version", () => {
    const known = { ...older, version: 5 };
    expect(patchSessions(pages([known]), { ...older, version: 4 })?.pages[0]?.items).toEqual([known]);
  });

  it("that are new come first, in the order of their beginning", () => {
    const patched = patchSessions(patchSessions(pages([older]), newest), newer);
    expect(ids(patched)).toEqual([[newest.id, newer.id, older.id]]);
  });

  it("beyond the loaded pages are left to them", () => {
    expect(ids(patchSessions(pages([newer], [older]), oldest))).toEqual([[newer.id], [older.id]]);
  });

  it("wait for the first answer", () => {
    expect(patchSessions(undefined, newer)).toBeUndefined();
  });
});

describe("tasks", () => {
  it("are replaced by newer versions only, and new ones come first", () => {
    const task = aTask({ version: 3 });
    expect(patchTasks([task], { ...task, version: 2, status: "draft" })).toEqual([task]);
    const done = { ...task, version: 4, status: "completed" as const };
    const fresh = aTask();
    expect(patchTasks(patchTasks([task], done), fresh)).toEqual([fresh, done]);
  });
});

describe("a task's events", () => {
  const known = [anEvent(1, "task.created", 0), anEvent(2, "status.changed", 1)];
  it("join when they follow, once", () => {
    const third = anEvent(3, "step.started", 2);
    const patched = patchEvents(known, [third, known[1] ?? third]);
    expect(patched).toEqual([...known, third]);
    expect(patchEvents([...known, third], [third])).toEqual([...known, third]);
  });

  it("with a hole must be read again", () => {
    expect(patchEvents(known, [anEvent(4, "step.finished", 3)])).toBe("gap");
  });
});

describe("a response that was in flight while the socket delivered more", () => {
  it("is brought up to date before it is kept", () => {
    const received = createReceived();
    received.receiveSession({ ...older, version: 9 });
    received.receiveSession(newest);
    received.receiveSession({ ...older, version: 8 });
    const page = { items: [newer, older], nextCursor: null };
    expect(received.mergeSessions(page, aProject, true).items).toEqual([newest, newer, { ...older, version: 9 }]);
    expect(received.mergeSessions(page, aProject, false).items).toEqual([newer, { ...older, version: 9 }]);
  });

  it("keeps projects apart", () => {
    const received = createReceived();
    received.receiveTask(aTask({ projectId: aSession().projectId }));
    const elsewhere = aTask({ projectId: make("prj") });
    received.receiveTask(elsewhere);
    expect(received.mergeTasks([], aProject)).toHaveLength(1);
  });
});
