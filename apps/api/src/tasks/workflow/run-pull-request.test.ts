/** A run's pull request, from the session's end to the task's output. */
import { env, introspectWorkflow } from "cloudflare:test";
import type { UserId } from "@samovar/base";
import type { SessionEnd } from "@samovar/contracts";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { actorOf } from "../../../test/caller.ts";
import { putCredential } from "../../credentials/store.ts";
import { projects } from "../../database/schema.ts";
import { GITHUB_TOKEN, scriptedGitHub } from "../../github/scripted-github.ts";
import type { ScriptedGitHub } from "../../github/scripted-github.ts";
import { aHolder, anOwner } from "../../nodes/durable-object/node.testing.ts";
import { scriptedCloud } from "../../nodes/durable-object/scripted-cloud.ts";
import {
  db,
  deps,
  aSessionEnd,
  listTaskEvents,
  ScriptedNode,
  reaches,
  submit,
  readTranscript,
  getWorkspace,
} from "./scripted-node.testing.ts";

let github: ScriptedGitHub;
let owner: UserId;

beforeEach(async () => {
  scriptedCloud();
  github = scriptedGitHub();
  owner = await anOwner();
});
afterEach(() => vi.unstubAllGlobals());

const signIn = () => putCredential(deps, actorOf(owner), { kind: "github", token: GITHUB_TOKEN });

/** A task of this repository whose agent ends like this. */
async function worked(repoUrl: string, end: Partial<SessionEnd> = {}) {
  const { projectId } = await aHolder(owner);
  await db.update(projects).set({ repoUrl }).where(eq(projects.id, projectId));
  const task = await submit(owner, "Boil the water", projectId);
  const machine = await ScriptedNode.of(owner);
  const { workspaceId, sessionId } = await machine.begins("task/x");
  machine.report({ kind: "session.ended", workspaceId, sessionId, end: await aSessionEnd(task, end) });
  return { task, machine };
}

describe("a clean run with a pushed branch", () => {
  it.each(["https://github.com/acme/kettle.git", "git@github.com:acme/kettle.git"])(
    "opens its pull request: %s",
    async (repoUrl) => {
      await signIn();
      const summary = "The water boils; the key sk-ant-0123456789abcdef is in it.";
      const { task, machine } = await worked(repoUrl, { summary });
      await machine.destroys();
      const done = await reaches(task, "completed");
      expect(done.output).toMatchObject({
        pullRequestUrl: "https://github.com/acme/kettle/pull/1",
        warning: null,
        branch: "task/x",
      });
      expect(github.pullRequests).toMatchObject([
        { head: "task/x", base: "trunk", title: "Boil the water", body: expect.stringContaining(`Task: ${task.id}`) },
      ]);
      expect(github.pullRequests[0]?.body).toMatch(/^The water boils; the key \[redacted\] is in it\./);
    },
  );

  it("has one pull request, also when GitHub made it and its answer was lost, twice", async () => {
    await signIn();
    github.put("POST", "answer_lost", "no_answer");
    await using runs = await introspectWorkflow(env.TASK_RUN);
    await runs.modifyAll((run) => run.disableSleeps());
    const { task, machine } = await worked("https://github.com/acme/kettle");
    await machine.destroys();
    const done = await reaches(task, "completed");
    expect(done.output).toMatchObject({ pullRequestUrl: "https://github.com/acme/kettle/pull/1", warning: null });
    expect(github.pullRequests).toHaveLength(1);
  });

  it("[T1] is completed with a warning when GitHub never answers, and says so in the transcript", async () => {
    await signIn();
    github.put("GET", "no_answer", "no_answer", { status: 502, message: "Bad gateway" });
    await using runs = await introspectWorkflow(env.TASK_RUN);
    await runs.modifyAll((run) => run.disableSleeps());
    const { task, machine } = await worked("https://github.com/acme/kettle");
    await machine.destroys();
    const done = await reaches(task, "completed");
    expect(done.output).toMatchObject({ pullRequestUrl: null, warning: expect.stringContaining("answered 502") });
    expect(await getWorkspace(task)).toMatchObject({ state: expect.stringMatching(/destroy/) });
    expect((await readTranscript(task)).at(-1)).toContain("https://github.com/acme/kettle/pull/new/task/x");
    expect((await listTaskEvents(task)).map(({ kind }) => kind)).toContain("warning.raised");
    expect(github.calls.filter((call) => call.startsWith("GET"))).toHaveLength(3);
  });

  it("asks once when it is refused", async () => {
    await signIn();
    github.put("POST", { status: 403, message: "Resource not accessible by personal access token" });
    const { task, machine } = await worked("https://github.com/acme/kettle");
    await machine.destroys();
    expect((await reaches(task, "completed")).output?.warning).toContain("Give it write access");
    expect(github.calls).toEqual(["GET /repos/acme/kettle", "POST /repos/acme/kettle/pulls"]);
  });

  it("says nothing where no token is stored", async () => {
    const { task, machine } = await worked("https://github.com/acme/kettle");
    await machine.destroys();
    expect((await reaches(task, "completed")).output).toMatchObject({ pullRequestUrl: null, warning: null });
    expect(github.calls).toEqual([]);
  });
});

type Fate = "removed" | "retained";
type Case = readonly [what: string, repoUrl: string, end: Partial<SessionEnd>, workspace: Fate];
const GITHUB = "https://github.com/acme/kettle";
const cases: readonly Case[] = [
  ["of another host", "https://git.test/acme/kettle.git", {}, "removed"],
  ["when nothing was changed", GITHUB, { commits: [], branch: null, pushed: false }, "removed"],
  ["when the push was refused", GITHUB, { pushed: false, pushError: "no" }, "retained"],
  ["when the agent failed", GITHUB, { outcome: "error" }, "retained"],
];

describe("no pull request is asked for", () => {
  it.each(cases)("%s", async (_what, repoUrl, end, workspace) => {
    await signIn();
    const { task, machine } = await worked(repoUrl, end);
    if (workspace === "removed") await machine.destroys();
    await reaches(task, end.outcome === undefined ? "completed" : "failed");
    expect(github.calls).toEqual([]);
  });
});
