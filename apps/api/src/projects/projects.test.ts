import { env } from "cloudflare:workers";
import type { TaskId } from "@samovar/base";
import { errorBody, projectView, taskView } from "@samovar/contracts";
import { beforeAll, describe, expect, it } from "vitest";
import * as z from "zod";
import { controlPlane, anotherUser } from "../../test/caller.ts";

const cloud = controlPlane();
const oneMachine = controlPlane(undefined, { ALLOW_LOCAL_REPOS: "true" });
let token = "";

beforeAll(async () => {
  token = (await cloud.setUp()).apiToken;
});

const make = (body: object, plane = cloud) => plane.ask("/api/projects", { body: { name: "P", ...body }, token });

describe("projects", () => {
  it("are made, shown, changed, archived and brought back", async () => {
    const made = projectView.parse(
      await (await make({ repoUrl: "https://git.test/a.git", defaultAgent: "script" })).json(),
    );
    expect(made).toMatchObject({ name: "P", baseBranch: null, defaultAgent: "script", archivedAt: null });
    const patch = async (body: object) =>
      projectView.parse(await (await cloud.ask(`/api/projects/${made.id}`, { method: "PATCH", body, token })).json());
    expect(await patch({ name: "Q", baseBranch: "main", defaultAgent: null })).toMatchObject({
      name: "Q",
      baseBranch: "main",
      defaultAgent: null,
    });
    expect(await patch({ archived: true })).toMatchObject({ name: "Q", archivedAt: expect.any(Number) });
    expect(await patch({ archived: false })).toMatchObject({ archivedAt: null });
  });

  it("[R48] demand a runtime that is a boundary, or leave it to their nodes", async () => {
    const repoUrl = "https://git.test/a.git";
    const made = projectView.parse(await (await make({ repoUrl, runtime: "docker" })).json());
    expect(made.runtime).toBe("docker");
    expect(projectView.parse(await (await make({ repoUrl })).json()).runtime).toBeNull();
    const patch = (runtime: unknown) =>
      cloud.ask(`/api/projects/${made.id}`, { method: "PATCH", body: { runtime }, token });
    expect(projectView.parse(await (await patch("sandbox")).json()).runtime).toBe("sandbox");
    expect(projectView.parse(await (await patch(null)).json()).runtime).toBeNull();
    expect((await patch("process")).status).toBe(400);
  });

  it("are listed page by page, without the archived and without those of others", async () => {
    const me = await anotherUser();
    const names = ["a", "b", "c"];
    for (const name of names)
      await cloud.ask("/api/projects", { body: { name, repoUrl: "https://git.test/a.git" }, token: me.token });
    const list = async (query: string) =>
      z
        .object({ items: z.array(projectView), nextCursor: z.string().nullable() })
        .parse(await (await cloud.ask(`/api/projects${query}`, { token: me.token })).json());
    const first = await list("?limit=2");
    const rest = await list(`?limit=2&cursor=${first.nextCursor}`);
    expect([...first.items, ...rest.items].map((project) => project.name)).toEqual(names);
    expect(rest.nextCursor).toBeNull();
    await cloud.ask(`/api/projects/${first.items[0]?.id}`, { method: "DELETE", token: me.token });
    expect((await list("")).items.map((project) => project.name)).toEqual(["b", "c"]);
    expect((await list("?archived=true")).items).toHaveLength(3);
    expect((await cloud.ask("/api/projects?limit=201", { token })).status).toBe(400);
  });

  it("count running tasks and those that need attention, each in its newest state", async () => {
    const me = await anotherUser();
    const project = projectView.parse(
      await (
        await cloud.ask("/api/projects", { body: { name: "P", repoUrl: "https://git.test/a.git" }, token: me.token })
      ).json(),
    );
    expect(project).toMatchObject({ counts: { running: 0, attention: 0 }, lastActivityAt: null });
    const tasksNow = ["queued", "in_progress", "delegated", "failed", "completed", "cancelled", "draft", "queued"];
    const made: TaskId[] = [];
    for (const status of tasksNow) {
      const answer = await cloud.ask(`/api/projects/${project.id}/tasks`, {
        body: { title: status, description: status },
        token: me.token,
      });
      const task = taskView.parse(await answer.json());
      await env.DB.prepare("UPDATE tasks SET status = ?, attempt = 2 WHERE id = ?").bind(status, task.id).run();
      made.push(task.id);
    }
    await env.DB.prepare(
      "INSERT INTO task_queue (task_id, owner_id, run_id, size, code, blocked_by, rank, queued_at, polled_at) VALUES (?, ?, 'run_x', 'small', 'dependency_failed', '[]', 1, 1, 1)",
    )
      .bind(made.at(-1), me.id)
      .run();
    const listed = z
      .object({ items: z.array(projectView) })
      .parse(await (await cloud.ask("/api/projects", { token: me.token })).json());
    expect(listed.items).toMatchObject([{ counts: { running: 3, attention: 2 }, lastActivityAt: expect.any(Number) }]);
  });

  it.each(["https://git.test/a.git", "ssh://git@git.test/a.git", "git@git.test:a/b.git"])(
    "clone from %s",
    async (repoUrl) => {
      expect((await make({ repoUrl })).status).toBe(201);
    },
  );

  it.each([
    "ext::sh -c touch% /tmp/x",
    "file:///etc",
    "-u./run",
    "--upload-pack=x",
    "https://user:password@git.test/a.git",
    "git://git.test/a.git",
    "git@git.test:-oProxyCommand=x",
    "http://git.test/a.git",
    "ssh://git@%2doProxyCommand=x/a.git",
    "https://git.test/\u202etig.a",
    "",
  ])("[17] do not clone from %s", async (repoUrl) => {
    expect((await make({ repoUrl })).status).toBe(400);
    expect((await make({ repoUrl }, oneMachine)).status).toBe(400);
  });

  it.each([
    "https://169.254.169.254/latest",
    "https://2852039166/latest",
    "https://0xa9fea9fe/latest",
    "https://[::ffff:a9fe:a9fe]/latest",
    "https://metadata.google.internal/x",
    "https://localhost/a.git",
    "https://localhost./a.git",
    "https://10.0.0.1/a.git",
    "https://[fd00:ec2::254]/a.git",
    "http://127.0.0.1/a.git",
    "ssh://git@2130706433/a.git",
    "ssh://git@0177.0.0.1/a.git",
    "ssh://git@[::1]/a.git",
    "git@192.168.1.1:a/b.git",
    "git@127.1:a/b.git",
    "git@intranet:a/b.git",
  ])("[security 17] clone from %s on one machine only", async (repoUrl) => {
    const refused = await make({ repoUrl });
    expect(errorBody.parse(await refused.json()).error.message).toMatch(/private network/);
    expect((await make({ repoUrl }, oneMachine)).status).toBe(201);
  });

  it("[17] clone from a path on one machine only", async () => {
    const refused = await make({ repoUrl: "/srv/repos/a" });
    expect(errorBody.parse(await refused.json()).error.message).toMatch(/own machine/);
    const made = projectView.parse(await (await make({ repoUrl: "/srv/repos/a" }, oneMachine)).json());
    const moved = await cloud.ask(`/api/projects/${made.id}`, {
      method: "PATCH",
      body: { repoUrl: "/srv/repos/b" },
      token,
    });
    expect(moved.status).toBe(400);
  });
});

describe("agents and settings", () => {
  it("say what can be used, and what to do otherwise", async () => {
    const me = await anotherUser();
    const list = async () => {
      const reply: { items: { kind: string; usable: boolean; hint: string | null }[] } = await (
        await cloud.ask("/api/agents", { token: me.token })
      ).json();
      return Object.fromEntries(reply.items.map((agent) => [agent.kind, agent]));
    };
    expect(await list()).toMatchObject({
      script: { usable: true, hint: null },
      claude: { usable: false, hint: expect.stringMatching(/Anthropic/) },
    });
    await cloud.ask("/api/credentials/anthropic", {
      method: "PUT",
      body: { kind: "anthropic", apiKey: "sk-ant-of-the-tests" },
      token: me.token,
    });
    expect(await list()).toMatchObject({ claude: { usable: true, hint: null } });
  });

  it("[S1] hold no secret", async () => {
    const text = await (await cloud.ask("/api/settings", { token })).text();
    expect(JSON.parse(text)).toMatchObject({ defaultAgent: "script", allowLocalRepos: false });
    const { OPERATOR_SECRET, CREDENTIALS_KEY, SIGNING_KEY } = cloud.deps.config;
    for (const secret of [OPERATOR_SECRET, CREDENTIALS_KEY, SIGNING_KEY.d]) expect(text).not.toContain(secret);
  });
});
