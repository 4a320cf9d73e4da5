import { env, introspectWorkflow } from "cloudflare:test";
import type { ProjectId } from "@samovar/base";
import { errorBody, projectView, taskEvent, taskView, transcriptVerification } from "@samovar/contracts";
import type { CreateTask, TaskView } from "@samovar/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { controlPlane, ids } from "../../test/caller.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";
import { tryChange } from "./change.ts";
import { applyChange, findTask, recordEvents } from "./store.ts";

const { ask, setUp, deps } = controlPlane();
let token = "";
let project: ProjectId;
let runs: Awaited<ReturnType<typeof introspectWorkflow>>;

beforeAll(async () => {
  token = (await setUp()).apiToken;
  project = await newProject();
  // Runs have separate tests; here they stop at their first step.
  runs = await introspectWorkflow(env.TASK_RUN);
  await runs.modifyAll((run) => run.mockStepResult({ name: "open" }, "null"));
});
afterAll(() => runs.dispose());

async function newProject(more: object = {}): Promise<ProjectId> {
  const body = { name: "P", repoUrl: "https://git.test/a.git", ...more };
  return projectView.parse(await (await ask("/api/projects", { body, token })).json()).id;
}

async function withCloud<T>(body: () => Promise<T>): Promise<T> {
  await ask("/api/credentials/hetzner", {
    method: "PUT",
    body: { kind: "hetzner", token: "a-hetzner-token-of-the-tests" },
    token,
  });
  try {
    return await body();
  } finally {
    await ask("/api/credentials/hetzner", { method: "DELETE", token });
  }
}

const post = (task: CreateTask, headers: Record<string, string> = {}, where = project) =>
  ask(`/api/projects/${where}/tasks`, { body: task, token, headers });
const made = async (task: CreateTask): Promise<TaskView> => taskView.parse(await (await post(task)).json());
const formatCode = async (answer: Response) => errorBody.parse(await answer.json()).error.code;
const at = (task: TaskView, more = "") => `/api/projects/${task.projectId}/tasks/${task.id}${more}`;

const countTasks = async () => (await env.DB.prepare("SELECT count(*) AS n FROM tasks").first<{ n: number }>())?.n;
const queued = async () => withCloud(() => made({ description: "Do it", run: true }));

describe("a task is made", () => {
  it("as a draft, with a session that holds its text", async () => {
    const answer = await post({ description: "# Fix the test\n\nIt fails." });
    expect(answer.status).toBe(201);
    const task = taskView.parse(await answer.json());
    expect(task).toMatchObject({ title: "Fix the test", status: "draft", attempt: 0, version: 1, runId: null });
    const history = await getProjectData(deps, project).listMessages(task.sessionId, { limit: 10 });
    expect(history?.messages).toMatchObject([{ role: "user", content: "# Fix the test\n\nIt fails.", position: 0 }]);
  });

  it("with a long first line as a title that ends at a word", async () => {
    const task = await made({ description: "word ".repeat(50) });
    expect(task.title).toMatch(/^(word )+word…$/);
    expect(task.title.length).toBeLessThanOrEqual(81);
  });

  it("and runs when asked: queued, with a workflow of the run's id", async () => {
    await withCloud(async () => {
      const answer = await post({ description: "Do it", run: true });
      expect(answer.status).toBe(202);
      const task = taskView.parse(await answer.json());
      expect(task).toMatchObject({ status: "queued", attempt: 1 });
      expect((await env.TASK_RUN.get(task.runId ?? "")).id).toBe(task.runId);
    });
  });

  it("[F45] once, when the same request comes 50 times with one key", async () => {
    await withCloud(async () => {
      const headers = { "idempotency-key": "the-same-submit" };
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => post({ description: "Once", run: true }, headers)),
      );
      expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
      const tasks = await Promise.all(answers.map(async (answer) => taskView.parse(await answer.json())));
      expect(new Set(tasks.map((task) => task.id)).size).toBe(1);
      expect(new Set(tasks.map((task) => task.runId)).size).toBe(1);
    });
  });

  it("not again under a key that was used for something else", async () => {
    const headers = { "idempotency-key": "a-key-used-twice" };
    expect((await post({ description: "One" }, headers)).status).toBe(201);
    const second = await post({ description: "Two" }, headers);
    expect([second.status, await formatCode(second)]).toEqual([409, "conflict"]);
  });

  it("not with a text that is empty or too long, which says the limit", async () => {
    const empty = await post({ description: "  \n" });
    expect(empty.status).toBe(400);
    const long = await post({ description: "x".repeat(64_001) });
    expect([long.status, errorBody.parse(await long.json()).error.message]).toEqual([
      400,
      expect.stringContaining("64000"),
    ]);
  });
});

describe("what is missing is reported before anything is created", () => {
  it.each([
    ["the cloud's credential", "script", "hetzner"],
    ["the agent's credential", "claude", "anthropic"],
  ] as const)("%s", async (_what, agent, kind) => {
    const before = await countTasks();
    const answer = await post({ description: "Do it", run: true, agent });
    const { error } = errorBody.parse(await answer.json());
    expect([answer.status, error.code, error.details]).toEqual([
      409,
      "credentials_missing",
      { kind, settingsPath: "/settings/credentials" },
    ]);
    expect(await countTasks()).toBe(before);
  });

  it("also when a draft is run", async () => {
    const task = await made({ description: "Later" });
    expect(await formatCode(await ask(at(task, "/run"), { method: "POST", token }))).toBe("credentials_missing");
    expect(await findTask(deps.db, task.id)).toMatchObject({ status: "draft" });
  });

  it("an archived project takes no tasks", async () => {
    const old = await newProject();
    expect((await ask(`/api/projects/${old}`, { method: "DELETE", token })).status).toBe(200);
    expect(await formatCode(await post({ description: "Do it" }, {}, old))).toBe("conflict");
  });
});

describe("a task is changed", () => {
  it("while it is a draft", async () => {
    const task = await made({ description: "Do it" });
    const answer = await ask(at(task), {
      method: "PATCH",
      body: { title: "Another", status: "ready", priority: 1 },
      token,
    });
    expect(taskView.parse(await answer.json())).toMatchObject({
      title: "Another",
      status: "ready",
      priority: 1,
      version: 2,
    });
  });

  it("not once it runs; run again and cancel again change nothing", async () => {
    await withCloud(async () => {
      const task = await made({ description: "Do it", run: true });
      expect(await formatCode(await ask(at(task), { method: "PATCH", body: { title: "Another" }, token }))).toBe(
        "conflict",
      );
      const again = taskView.parse(await (await ask(at(task, "/run"), { method: "POST", token })).json());
      expect(again.runId).toBe(task.runId);
      const cancel = async () =>
        taskView.parse(await (await ask(at(task, "/cancel"), { method: "POST", body: {}, token })).json());
      const cancelled = await cancel();
      expect(cancelled).toMatchObject({ status: "queued", cancelRequested: true, version: 2 });
      expect((await cancel()).version).toBe(2);
      expect((await ask(at(task), { method: "DELETE", token })).status).toBe(409);
    });
  });

  it("a draft is deleted with its events, and its session ends", async () => {
    const task = await made({ description: "Never mind" });
    expect((await ask(at(task), { method: "DELETE", token })).status).toBe(204);
    expect((await ask(at(task), { token })).status).toBe(404);
    expect(await getProjectData(deps, project).getSession(task.sessionId)).toMatchObject({ status: "stopped" });
  });

  it("a failed one is acknowledged, and no other; its project no longer counts it", async () => {
    await withCloud(async () => {
      const where = await newProject();
      const attention = async () =>
        projectView.parse(await (await ask(`/api/projects/${where}`, { token })).json()).counts.attention;
      const task = taskView.parse(await (await post({ description: "Do it", run: true }, {}, where)).json());
      const act = (verb: string) => ask(`/api/projects/${where}/tasks/${task.id}/${verb}`, { method: "POST", token });
      expect(await formatCode(await act("acknowledge"))).toBe("conflict");
      const failure = { code: "x", message: "It failed." };
      await tryChange(deps, task.id, { kind: "fail", failure, output: null }, { kind: "sweep" });
      expect(await attention()).toBe(1);
      expect(taskView.parse(await (await act("acknowledge")).json())).toMatchObject({
        status: "failed",
        acknowledged: true,
      });
      expect((await act("acknowledge")).status).toBe(200);
      expect(await attention()).toBe(0);
      expect(taskView.parse(await (await act("unacknowledge")).json())).toMatchObject({ acknowledged: false });
      expect(await attention()).toBe(1);
    });
  });

  it("a failed one is retried in a new session", async () => {
    await withCloud(async () => {
      const task = await made({ description: "Do it", run: true });
      await tryChange(
        deps,
        task.id,
        { kind: "fail", failure: { code: "x", message: "It failed." }, output: null },
        { kind: "sweep" },
      );
      const again = taskView.parse(await (await ask(at(task, "/retry"), { method: "POST", token })).json());
      expect(again).toMatchObject({ status: "queued", attempt: 2, failure: null });
      expect(again.sessionId).not.toBe(task.sessionId);
      const history = await getProjectData(deps, project).listMessages(again.sessionId, { limit: 10 });
      expect(history?.messages).toMatchObject([{ role: "user", content: "Do it" }]);
    });
  });
});

describe("lists", () => {
  it("go page by page, newest first, by status", async () => {
    const where = await newProject();
    for (const name of ["a", "b", "c", "d", "e"]) await post({ description: name }, {}, where);
    const titles: string[] = [];
    for (let cursor = ""; ;) {
      const answer = await ask(`/api/projects/${where}/tasks?limit=2&status=draft,ready${cursor}`, { token });
      const page = z.object({ items: z.array(taskView), nextCursor: z.string().nullable() }).parse(await answer.json());
      titles.push(...page.items.map((task) => task.title));
      if (page.nextCursor === null) break;
      cursor = `&cursor=${page.nextCursor}`;
    }
    expect(titles.toSorted()).toEqual(["a", "b", "c", "d", "e"]);
    const none = await ask(`/api/projects/${where}/tasks?status=completed`, { token });
    expect(await none.json()).toEqual({ items: [], nextCursor: null });
    expect((await ask(`/api/projects/${where}/tasks?status=sleeping`, { token })).status).toBe(400);
  });

  it("of events are numbered without gaps and say who", async () => {
    const task = await made({ description: "Do it" });
    await ask(at(task), { method: "PATCH", body: { title: "Another", status: "ready" }, token });
    const page = z.object({ items: z.array(taskEvent), nextCursor: z.string().nullable() });
    const first = page.parse(await (await ask(`${at(task, "/events")}?limit=2`, { token })).json());
    const rest = page.parse(await (await ask(`${at(task, "/events")}?cursor=${first.nextCursor}`, { token })).json());
    const all = [...first.items, ...rest.items];
    expect(all.map((event) => [event.seq, event.kind])).toEqual([
      [1, "task.created"],
      [2, "task.edited"],
      [3, "status.changed"],
    ]);
    expect(all.every((event) => event.actor.startsWith("user:usr_"))).toBe(true);
  });
});

describe("the row", () => {
  it("[F46] of many endings at once takes one, with its one event", async () => {
    const task = await queued();
    const actor = { kind: "run", id: task.runId ?? ids.make("run") } as const;
    const failure = { code: "x", message: "why" };
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, (_each, index) =>
        applyChange(deps, task.id, { kind: index % 2 === 0 ? "fail" : "stop", failure, output: null }, actor),
      ),
    );
    const ended = await findTask(deps.db, task.id);
    const won = ended?.status === "failed" ? 0 : 1;
    expect(outcomes.map((outcome) => outcome.ok)).toEqual(
      Array.from({ length: 10 }, (_each, index) => index % 2 === won),
    );
    const { results } = await env.DB.prepare(
      "SELECT data FROM task_events WHERE task_id = ? AND kind = 'status.changed' AND seq > 2",
    )
      .bind(task.id)
      .all();
    expect(results).toHaveLength(1);
  });

  it("[F13] a write whose answer was lost is not repeated if it took effect", async () => {
    const task = await queued();
    let lost = 0;
    const forgetful = new Proxy(deps.db, {
      get(db, name) {
        if (name !== "batch") return Reflect.get(db, name, db);
        return async (...args: Parameters<typeof db.batch>) => {
          const answer = await db.batch(...args);
          if (lost++ === 0) throw new Error("D1_ERROR: the request timed out");
          return answer;
        };
      },
    });
    const change = { kind: "fail", failure: { code: "x", message: "why" }, output: null } as const;
    const outcome = await applyChange({ ...deps, db: forgetful }, task.id, change, { kind: "sweep" });
    expect(outcome).toMatchObject({ ok: true, task: { status: "failed", version: 2 } });
    expect(lost).toBe(1);
  });

  it("an event with a key is recorded once", async () => {
    const task = await made({ description: "Do it" });
    const record = () =>
      recordEvents(deps, task.id, [{ draft: { kind: "step.started", data: { step: "choose" } }, dedupeKey: "k" }], {
        kind: "sweep",
      });
    const all = (await Promise.all([record(), record(), record()])).flat();
    expect(all).toMatchObject([{ seq: 2, kind: "step.started", actor: "sweep", data: { step: "choose" } }]);
  });
});

describe("the digest of a transcript", () => {
  it("is compared with what is stored now", async () => {
    const task = await made({ description: "Do it" });
    expect(await formatCode(await ask(at(task, "/verification"), { token }))).toBe("conflict");
    const stored = await getProjectData(deps, project).digest(task.sessionId);
    const output = (claimed: object) => JSON.stringify({ transcript: { agreed: true, claimed, stored } });
    const write = (claimed: object) =>
      env.DB.prepare("UPDATE tasks SET output = ? WHERE id = ?").bind(output(claimed), task.id).run();
    await write(stored);
    const good = transcriptVerification.parse(await (await ask(at(task, "/verification"), { token })).json());
    expect(good).toEqual({ agreed: true, claimed: stored, stored });
    await write({ ...stored, count: 7 });
    const bad = transcriptVerification.parse(await (await ask(at(task, "/verification"), { token })).json());
    expect(bad).toMatchObject({ agreed: false, claimed: { count: 7 }, stored });
  });
});
