/** Live events against the real cache: what a page shows without asking again. */
import type { SessionView, TaskEvent, TaskView } from "@samovar/contracts";
import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { meKey, projectKey, sessionKey, taskEventsKey, taskKey } from "../query-keys.ts";
import { sessionsQuery, tasksQuery } from "../queries.ts";
import { anEvent, aProject, aSession, aTask } from "../views.testing.ts";
import { ApiError } from "../client.ts";
import { createQueryClient } from "../query-client.ts";
import { isStillAllowed, patchAnswers, toSocketUrl } from "./feed.ts";

let client: QueryClient;
beforeEach(() => {
  client = new QueryClient();
});
afterEach(() => client.clear());

describe("an event of the socket", () => {
  it("puts a new session first and keeps it for its page", () => {
    const [older, newer] = [aSession(), aSession()];
    client.setQueryData(sessionsQuery(aProject).queryKey, {
      pages: [{ items: [older], nextCursor: null }],
      pageParams: [""],
    });
    patchAnswers(client, aProject, { type: "session.created", session: newer });
    expect(client.getQueryData(sessionsQuery(aProject).queryKey)?.pages[0]?.items).toEqual([newer, older]);
    expect(client.getQueryData<SessionView>(sessionKey(aProject, newer.id))).toEqual(newer);
  });

  it("changes a task in the list, on its page and in its events", () => {
    const task = aTask({ version: 1 });
    const events = [anEvent(1, "task.created", 0)];
    client.setQueryData(tasksQuery(aProject).queryKey, [task]);
    client.setQueryData(taskKey(aProject, task.id), task);
    client.setQueryData(taskEventsKey(aProject, task.id), events);
    const working = { ...task, version: 2, status: "in_progress" as const };
    const fresh = anEvent(2, "step.started", 5, { step: "work" });
    patchAnswers(client, aProject, { type: "task.updated", task: working, events: [fresh] });
    expect(client.getQueryData(tasksQuery(aProject).queryKey)).toEqual([working]);
    expect(client.getQueryData<TaskView>(taskKey(aProject, task.id))).toEqual(working);
    expect(client.getQueryData<TaskEvent[]>(taskEventsKey(aProject, task.id))).toEqual([...events, fresh]);
  });

  it("that comes late changes nothing", () => {
    const done = aTask({ version: 9, status: "completed" });
    client.setQueryData(taskKey(aProject, done.id), done);
    patchAnswers(client, aProject, {
      type: "task.updated",
      task: { ...done, version: 8, status: "in_progress" },
      events: [],
    });
    expect(client.getQueryData<TaskView>(taskKey(aProject, done.id))).toEqual(done);
  });

  it("reads the events again when some were never received", () => {
    const task = aTask();
    const key = taskEventsKey(aProject, task.id);
    client.setQueryData(key, [anEvent(1, "task.created", 0)]);
    patchAnswers(client, aProject, { type: "task.updated", task, events: [anEvent(3, "step.finished", 9)] });
    expect(client.getQueryState(key)?.isInvalidated).toBe(true);
  });
});

it("is dialled at the page's own origin", () => {
  expect(toSocketUrl({ protocol: "https:", host: "samovar.example" }, aProject)).toBe(
    `wss://samovar.example/api/projects/${aProject}/ws`,
  );
  expect(toSocketUrl({ protocol: "http:", host: "127.0.0.1:7266" }, aProject)).toMatch(/^ws:\/\/127\.0\.0\.1:7266\//);
});

describe("after the server ended the access of a socket", () => {
  const me = { id: "usr", name: "Owner", via: "cookie" };
  const answersWith = async (answers: { me: () => unknown; project: () => unknown }) => {
    const page = createQueryClient();
    page.setQueryDefaults(meKey, { queryFn: async () => answers.me() });
    page.setQueryDefaults(projectKey(aProject), { queryFn: async () => answers.project() });
    page.setQueryData(meKey, me);
    page.setQueryData(projectKey(aProject), {});
    const allowed = await isStillAllowed(page, aProject);
    const shown = page.getQueryData(meKey);
    page.clear();
    return { allowed, shown };
  };
  const refuse = (code: ApiError["code"]) => () => {
    throw new ApiError(code, "No.");
  };

  it("[security 12] the page shows that it is signed out and the feed stays closed", async () => {
    expect(await answersWith({ me: () => null, project: refuse("unauthenticated") })).toEqual({
      allowed: false,
      shown: null,
    });
  });

  it("[security 12] the feed stays closed for a project that is not there any more", async () => {
    expect(await answersWith({ me: () => me, project: refuse("not_found") })).toEqual({ allowed: false, shown: me });
  });

  it("the feed dials again if the session is valid, or if nothing is known", async () => {
    expect(await answersWith({ me: () => me, project: () => ({}) })).toMatchObject({ allowed: true });
    expect(await answersWith({ me: refuse("internal"), project: refuse("internal") })).toMatchObject({ allowed: true });
  });
});
