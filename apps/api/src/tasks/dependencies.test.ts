/** What tasks may depend on: over HTTP, as a person edits them. */
import type { TaskId } from "@samovar/base";
import { errorBody, projectView, taskView } from "@samovar/contracts";
import type { CreateTask, PatchTask, TaskView } from "@samovar/contracts";
import { beforeAll, describe, expect, it } from "vitest";
import { controlPlane, ids } from "../../test/caller.ts";

const { ask, setUp } = controlPlane();
let token: string;
let base: string;

beforeAll(async () => {
  token = (await setUp()).apiToken;
  base = await aProject();
});

async function aProject(): Promise<string> {
  const body = { name: `P ${ids.make("prj")}`, repoUrl: "https://git.test/p.git" };
  const project = projectView.parse(await (await ask("/api/projects", { body, token })).json());
  return `/api/projects/${project.id}/tasks`;
}

const made = async (title: string, more: Partial<CreateTask> = {}, at = base): Promise<TaskView> =>
  taskView.parse(await (await ask(at, { body: { title, description: title, ...more }, token })).json());
const patch = (task: TaskView, body: PatchTask) => ask(`${base}/${task.id}`, { method: "PATCH", body, token });
const refused = async (answer: Response) => {
  expect(answer.status).toBe(400);
  const { error } = errorBody.parse(await answer.json());
  expect(error.code).toBe("invalid_request");
  return error;
};
const getDependencies = async (task: TaskView): Promise<readonly TaskId[]> =>
  taskView.parse(await (await ask(`${base}/${task.id}`, { token })).json()).dependsOn;

describe("[R12] what a task may depend on", () => {
  it("tasks of its project, each named once", async () => {
    const [first, second] = [await made("First"), await made("Second")];
    const then = await made("Then", { dependsOn: [first.id, second.id, first.id] });
    expect(then.dependsOn).toEqual([first.id, second.id]);
    expect((await patch(then, { dependsOn: [second.id] })).status).toBe(200);
    expect(await getDependencies(then)).toEqual([second.id]);
  });

  it("not an unknown task, nor one of another project", async () => {
    const elsewhere = await made("Elsewhere", {}, await aProject());
    const task = await made("Task");
    for (const id of [elsewhere.id, ids.make("tsk")]) {
      expect((await refused(await patch(task, { dependsOn: [id] }))).message).toContain(id);
      const body = { description: "x", dependsOn: [id] };
      expect((await refused(await ask(base, { body, token }))).details).toEqual({ taskIds: [id] });
    }
  });

  it("not itself, nor what waits for it: the error names the cycle", async () => {
    const first = await made("First");
    const second = await made("Second", { dependsOn: [first.id] });
    const third = await made("Third", { dependsOn: [second.id] });
    expect((await refused(await patch(first, { dependsOn: [first.id] }))).details).toEqual({
      taskIds: [first.id, first.id],
    });
    const error = await refused(await patch(first, { dependsOn: [third.id] }));
    expect(error.details).toEqual({ taskIds: [first.id, third.id, second.id, first.id] });
    expect(error.message).toContain("“Third”");
    expect(await getDependencies(first)).toEqual([]);
  });

  it("[F27] of concurrent edits that would close a cycle at least one is refused", async () => {
    for (let round = 0; round < 10; round++) {
      const tasks = await Promise.all(["A", "B", "C"].map((title) => made(title)));
      const answers = await Promise.all(
        tasks.map((task, at) => {
          const next = tasks[(at + 1) % tasks.length];
          return patch(task, { dependsOn: next === undefined ? [] : [next.id] });
        }),
      );
      expect(answers.filter((answer) => answer.status === 200)).toHaveLength(2);
      expect(answers.filter((answer) => answer.status === 400)).toHaveLength(1);
    }
  });

  it("a draft that others depend on is not deleted, and they are named", async () => {
    const first = await made("First");
    const then = await made("Then this", { dependsOn: [first.id] });
    const drop = () => ask(`${base}/${first.id}`, { method: "DELETE", token });
    const answer = await drop();
    expect(answer.status).toBe(409);
    expect(errorBody.parse(await answer.json()).error.message).toContain("“Then this”");
    expect((await patch(then, { dependsOn: [] })).status).toBe(200);
    expect((await drop()).status).toBe(204);
  });
});
