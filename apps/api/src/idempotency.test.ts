/** Idempotency keys, through the routes that honour them: however often and at once, one thing is made for each request. */
import { env } from "cloudflare:test";
import type { TaskView } from "@samovar/contracts";
import { projectView, taskView } from "@samovar/contracts";
import * as fc from "fast-check";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { inSeries } from "@samovar/testing/series";
import { controlPlane, anotherUser } from "../test/caller.ts";
import { KEY_TTL_MS } from "./idempotency.ts";
import { scriptedCloud } from "./nodes/durable-object/scripted-cloud.ts";
import { runSweep } from "./sweep/sweep.ts";
import { sweepOldKeys } from "./sweep/old-keys.ts";

const { ask, setUp } = controlPlane();
let token = "";

beforeAll(async () => {
  token = (await setUp()).apiToken;
  const secret = { kind: "hetzner", token: "a-hetzner-token-of-the-tests" };
  expect((await ask("/api/credentials/hetzner", { method: "PUT", body: secret, token })).ok).toBe(true);
});
beforeEach(() => {
  scriptedCloud();
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const makeProject = (body: object, key: string, as = token) =>
  ask("/api/projects", { body, token: as, headers: { "idempotency-key": key } });
const count = async (sql: string, ...values: string[]) =>
  (
    await env.DB.prepare(sql)
      .bind(...values)
      .first<{ n: number }>()
  )?.n;

describe("POST /api/projects", () => {
  const wanted = { name: "Once", repoUrl: "https://git.test/once.git" };

  it("creates one project for many requests with one key, and returns it to each", async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => makeProject(wanted, "project-key-1")));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    const made = await Promise.all(answers.map(async (answer) => projectView.parse(await answer.json())));
    expect(new Set(made.map((project) => project.id)).size).toBe(1);
    expect(await count("SELECT count(*) AS n FROM projects WHERE name = ?", "Once")).toBe(1);
  });

  it("another request under the key is a conflict; keys of other users are separate", async () => {
    expect((await makeProject({ ...wanted, name: "Twice" }, "project-key-1")).status).toBe(409);
    const other = await anotherUser();
    expect((await makeProject({ ...wanted, name: "Theirs" }, "project-key-1", other.token)).status).toBe(201);
  });

  it("a key is forgotten after a week", async () => {
    expect((await makeProject(wanted, "project-key-2")).status).toBe(201);
    const keys = () => count("SELECT count(*) AS n FROM idempotency_keys WHERE key = ?", "project-key-2");
    await runSweep(env, Date.now() + KEY_TTL_MS - 60_000, { keys: sweepOldKeys });
    expect(await keys()).toBe(1);
    await runSweep(env, Date.now() + KEY_TTL_MS + 1_000, { keys: sweepOldKeys });
    expect(await keys()).toBe(0);
    expect((await makeProject({ ...wanted, name: "Anew" }, "project-key-2")).status).toBe(201);
  });
});

/** Concurrent requests: some share a key, some send another text under the same key. */
const anySubmits = fc.array(
  fc.record({
    key: fc.nat(2),
    text: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(1) }),
  }),
  { minLength: 50, maxLength: 50 },
);

describe("[F45] POST /api/projects/…/tasks", () => {
  it.each(
    fc
      .sample(anySubmits, { seed: 45, numRuns: inSeries({ short: 5, long: 20 }) })
      .map((submits, seed) => [seed, submits] as const),
  )("50 at once make one task, one run and one session a key (seed %i)", async (seed, submits) => {
    const project = projectView.parse(
      await (await makeProject({ name: `S${seed}`, repoUrl: "https://git.test/a.git" }, `project-of-${seed}`)).json(),
    );
    const answers = await Promise.all(
      submits.map(async ({ key, text }) => {
        const answer = await ask(`/api/projects/${project.id}/tasks`, {
          body: { description: `Do ${text}`, run: true },
          token,
          headers: { "idempotency-key": `submit-${seed}-${key}` },
        });
        const task = answer.status === 202 ? taskView.parse(await answer.json()) : null;
        return { key, text, status: answer.status, task };
      }),
    );
    for (const key of new Set(submits.map((submit) => submit.key))) {
      const asked = answers.filter((answer) => answer.key === key);
      const made = asked.filter((answer) => answer.status === 202);
      expect(new Set(made.map(({ task }) => task?.id)).size).toBe(1);
      expect(new Set(made.map(({ task }) => task?.runId)).size).toBe(1);
      expect(new Set(made.map(({ task }) => task?.sessionId)).size).toBe(1);
      // The first request decides what the key means; other texts are conflicts.
      expect(new Set(made.map(({ text }) => text)).size).toBe(1);
      const rest = asked.filter((answer) => answer.status !== 202);
      expect(rest.every(({ status, text }) => status === 409 && text !== made[0]?.text)).toBe(true);
    }
    const keys = new Set(submits.map((submit) => submit.key)).size;
    expect(await count("SELECT count(*) AS n FROM tasks WHERE project_id = ?", project.id)).toBe(keys);
    const created =
      "SELECT count(*) AS n FROM task_events e JOIN tasks t ON t.id = e.task_id WHERE t.project_id = ? AND e.kind = 'task.created'";
    expect(await count(created, project.id)).toBe(keys);
    for (const { id } of new Map(answers.flatMap(({ task }) => (task === null ? [] : [[task.id, task]]))).values())
      await ask(`/api/projects/${project.id}/tasks/${id}/cancel`, { method: "POST", token });
  });
});

describe("POST /api/projects/…/tasks/…/run and …/retry", () => {
  const act = (task: TaskView, verb: string, key: string) =>
    ask(`/api/projects/${task.projectId}/tasks/${task.id}/${verb}`, {
      method: "POST",
      token,
      headers: { "idempotency-key": key },
    });
  const attemptsOf = async (task: TaskView) =>
    taskView.parse(await (await ask(`/api/projects/${task.projectId}/tasks/${task.id}`, { token })).json()).attempt;
  const endedBy = async (task: TaskView) => {
    await env.DB.prepare("UPDATE tasks SET status = 'failed', version = version + 1 WHERE id = ?").bind(task.id).run();
  };

  async function draft(name: string): Promise<TaskView> {
    const project = projectView.parse(
      await (await makeProject({ name, repoUrl: "https://git.test/b.git" }, `project-${name}`)).json(),
    );
    const body = { description: "Do it", run: false };
    return taskView.parse(await (await ask(`/api/projects/${project.id}/tasks`, { body, token })).json());
  }

  it("twenty concurrent requests with one key start one attempt", async () => {
    const task = await draft("run-once");
    const answers = await Promise.all(Array.from({ length: 20 }, () => act(task, "run", "run-key-1")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await attemptsOf(task)).toBe(1);
    await act(task, "cancel", "cancel-key-1");
  });

  it("a repeated request starts nothing, even if its attempt has ended meanwhile", async () => {
    const task = await draft("retry-once");
    expect((await act(task, "run", "run-key-2")).status).toBe(202);
    await endedBy(task);
    expect((await act(task, "run", "run-key-2")).status).toBe(202);
    expect(await attemptsOf(task)).toBe(1);
    const first = taskView.parse(await (await act(task, "retry", "retry-key-2")).json());
    await endedBy(task);
    const again = taskView.parse(await (await act(task, "retry", "retry-key-2")).json());
    expect([again.runId, again.attempt, again.status]).toEqual([first.runId, 2, "failed"]);
    expect((await act(task, "retry", "retry-key-3")).status).toBe(202);
    expect(await attemptsOf(task)).toBe(3);
    await act(task, "cancel", "cancel-key-2");
  });

  it("twenty concurrent retries with one key start one attempt, and each returns it", async () => {
    const task = await draft("retry-at-once");
    await act(task, "run", "run-key-4");
    await endedBy(task);
    const answers = await Promise.all(Array.from({ length: 20 }, () => act(task, "retry", "retry-key-4")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(await attemptsOf(task)).toBe(2);
    await act(task, "cancel", "cancel-key-4");
  });

  it("a key of another request is a conflict", async () => {
    const task = await draft("other-request");
    await act(task, "run", "run-key-5");
    await endedBy(task);
    expect((await act(task, "retry", "run-key-5")).status).toBe(409);
    expect(await attemptsOf(task)).toBe(1);
  });
});
