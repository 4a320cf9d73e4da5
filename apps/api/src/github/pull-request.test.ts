import { env } from "cloudflare:workers";
import type { UserId } from "@samovar/base";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { actorOf } from "../../test/caller.ts";
import { putCredential } from "../credentials/store.ts";
import { credentials } from "../database/schema.ts";
import { depsFor } from "../deps.ts";
import { anOwner } from "../nodes/durable-object/node.testing.ts";
import { openPullRequest } from "./pull-request.ts";
import type { WantedPullRequest } from "./pull-request.ts";
import { GITHUB_TOKEN, scriptedGitHub } from "./scripted-github.ts";
import type { ScriptedGitHub } from "./scripted-github.ts";

const deps = depsFor(env);
const WANTED: WantedPullRequest = {
  repository: { owner: "acme", name: "kettle" },
  branch: "task/tsk_1",
  base: null,
  title: "Boil the water",
  body: "It boils.\n\nTask: tsk_1\n",
};
let github: ScriptedGitHub;
let owner: UserId;

beforeEach(async () => {
  github = scriptedGitHub();
  owner = await anOwner();
  await putCredential(deps, actorOf(owner), { kind: "github", token: GITHUB_TOKEN });
});
afterEach(() => vi.unstubAllGlobals());

const open = (more: Partial<WantedPullRequest> = {}) => openPullRequest(deps, owner, { ...WANTED, ...more });
const opened = { kind: "opened", url: "https://github.com/acme/kettle/pull/1" };

describe("a pull request", () => {
  it("is opened against the default branch", async () => {
    expect(await open()).toEqual(opened);
    expect(github.pullRequests).toMatchObject([
      { head: "task/tsk_1", base: "trunk", title: "Boil the water", body: WANTED.body },
    ]);
  });

  it("is opened against the branch that was asked for, in a repository that has another name now", async () => {
    expect(await open({ base: "release", repository: { owner: "acme", name: "pot" } })).toEqual(opened);
    expect(github.pullRequests).toMatchObject([{ base: "release" }]);
    expect(github.calls).toEqual(["GET /repos/acme/pot", "GET /repositories/7", "POST /repos/acme/kettle/pulls"]);
  });

  it.each([
    "https://evil.test/repos/acme/kettle",
    "http://api.github.com/repositories/7",
    "//evil.test/",
    "https://api.github.com:8443/",
  ])("[security 18] is not opened through a redirect to %s, which gets no request", async (movedTo) => {
    const elsewhere: string[] = [];
    const scripted = globalThis.fetch;
    vi.stubGlobal("fetch", (input: string, init?: RequestInit) => {
      const { origin } = new URL(input);
      if (origin !== "https://api.github.com") elsewhere.push(origin);
      return scripted(input, init);
    });
    github.put("GET", { movedTo });
    expect(await open()).toMatchObject({ warning: expect.stringContaining("redirected to another address") });
    expect(elsewhere).toEqual([]);
    expect(github.calls).toEqual(["GET /repos/acme/kettle"]);
  });

  it("[security 18] is not opened where redirects have no end", async () => {
    github.put("GET", ...Array.from({ length: 9 }, () => ({ movedTo: "https://api.github.com/repos/acme/kettle" })));
    expect(await open()).toMatchObject({ warning: expect.stringContaining("redirected") });
    expect(github.calls).toHaveLength(4);
  });

  it("is opened once: made again, it is found by its branch", async () => {
    await open({ branch: "task/another" });
    const again = { kind: "opened", url: "https://github.com/acme/kettle/pull/2" };
    expect([await open(), await open(), await open()]).toEqual([again, again, again]);
    expect(github.pullRequests).toHaveLength(2);
  });

  it("is found when it was made and its answer was lost", async () => {
    github.put("POST", "answer_lost");
    expect(await open()).toMatchObject({ kind: "unanswered", warning: expect.stringContaining("did not answer") });
    expect(await open()).toEqual(opened);
    expect(github.pullRequests).toHaveLength(1);
  });

  it("is not longer than GitHub takes", async () => {
    expect(await open({ title: "x".repeat(300), body: "y".repeat(100_000) })).toEqual(opened);
    const [made] = github.pullRequests;
    expect([made?.title.length, made?.body.length]).toEqual([250, 60_000]);
  });

  it("is not requested where no token is stored", async () => {
    await deps.db.delete(credentials);
    expect(await open()).toEqual({ kind: "no_token" });
    expect(github.calls).toEqual([]);
  });
});

describe("a pull request that could not be opened says who must do what", () => {
  const limit = { "x-ratelimit-remaining": "0" };
  it.each([
    ["GET", { status: 401, message: "Bad credentials" }, "refused", /Store a new one in the settings/],
    ["POST", { status: 403, message: "Resource not accessible" }, "refused", /Give it write access.*/],
    ["GET", { status: 404, message: "Not Found" }, "refused", /does not see acme\/kettle/],
    ["POST", { status: 410, message: "Gone" }, "refused", /answered 410 \(Gone\)/],
    ["POST", { status: 403, message: "API rate limit exceeded", headers: limit }, "unanswered", /limits the rate/],
    ["GET", { status: 429, message: "Slow down" }, "unanswered", /limits the rate/],
    ["POST", { status: 500, message: "Oops" }, "unanswered", /answered 500 \(Oops\)/],
    ["GET", { status: 503, message: "Away" }, "unanswered", /answered 503/],
    ["GET", "no_answer", "unanswered", /did not answer \(connection reset/],
    ["POST", "nonsense", "unanswered", /did not answer/],
  ] as const)("%s %o", async (method, fault, kind, says) => {
    github.put(method, fault);
    const outcome = await open();
    expect(outcome).toMatchObject({ kind, warning: expect.stringMatching(says) });
    expect(JSON.stringify(outcome)).toContain("(https://github.com/acme/kettle/pull/new/task/tsk_1).");
    expect(JSON.stringify(outcome)).not.toContain(GITHUB_TOKEN);
  });

  it("422, when there is none of this branch", async () => {
    expect(await open({ base: "task/tsk_1" })).toMatchObject({
      kind: "refused",
      warning: expect.stringContaining("422 (Validation Failed: No commits between the two)"),
    });
  });

  it("a token that cannot be opened any more", async () => {
    await deps.db.update(credentials).set({ keyId: "older" });
    expect(await open()).toMatchObject({ kind: "refused", warning: expect.stringContaining("Store it again") });
  });
});
