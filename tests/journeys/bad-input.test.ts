import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  type Installation,
  removeDirectory,
  samovar,
  startInstallation,
  parseTask,
  temporaryDirectory,
} from "../harness/installation.ts";
import { git, makeRepository } from "../harness/repository.ts";

let here: Installation;
let scratch: string;

beforeAll(async () => {
  scratch = await temporaryDirectory();
  here = await startInstallation();
});

afterAll(async () => {
  await here.stop();
  await removeDirectory(here.dataDir);
  await removeDirectory(scratch);
});

const run = (...args: readonly string[]) => here.samovar(["run", ...args]);

test("reports a path without a repository", async () => {
  const done = await run("--repo", join(scratch, "nowhere"), "Do it");
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/nowhere/);
});

test("reports a directory that is not a repository", async () => {
  mkdirSync(join(scratch, "plain"));
  const done = await run("--repo", join(scratch, "plain"), "Do it");
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/git/i);
});

test("suggests a first commit for an empty repository", async () => {
  const done = await run("--repo", makeRepository(join(scratch, "empty"), {}), "Do it");
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/commit/i);
});

test("asks for a base branch on a detached HEAD", async () => {
  const repository = makeRepository(join(scratch, "detached"));
  git(repository, "checkout", "--quiet", "--detach");
  const done = await run("--repo", repository, "Do it");
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/--base/);
});

test("runs with uncommitted changes, and warns that they are left out", async () => {
  const repository = makeRepository(join(scratch, "dirty"));
  writeFileSync(join(repository, "uncommitted.txt"), "x");
  const done = await run("--json", "--repo", repository, "Say hello\n\n```say\nHello\n```\n");
  expect(done.stderr).toMatch(/uncommitted/i);
  expect(parseTask(done).status).toBe("completed");
});

test("[R14] [F42] adds a suffix to a branch name that is taken, and leaves the existing branch untouched", async () => {
  const repository = makeRepository(join(scratch, "taken"));
  const draft = parseTask(
    await run("--json", "--backlog", "--repo", repository, "Write\n\n```write new.txt\nnew\n```\n"),
  );
  git(repository, "branch", `task/${draft.id}`);
  const before = git(repository, "rev-parse", `task/${draft.id}`);
  await here.api(`/api/projects/${draft.projectId}/tasks/${draft.id}/run`, { method: "POST", body: {} });
  const verify = async () =>
    parseTask({
      code: 0,
      stderr: "",
      stdout: JSON.stringify(await here.api(`/api/projects/${draft.projectId}/tasks/${draft.id}`)),
    });
  await vi.waitFor(async () => expect((await verify()).status).toBe("completed"));
  expect((await verify()).branch).toBe(`task/${draft.id}-2`);
  expect(git(repository, "rev-parse", `task/${draft.id}`)).toBe(before);
});

test("refuses a text over the limit, and states the limit", async () => {
  const repository = makeRepository(join(scratch, "long"));
  const done = await here.samovar(["run", "--repo", repository, "-"], { input: "x".repeat(64_001) });
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/64,?000/);
});

test("refuses an empty text", async () => {
  const done = await here.samovar(["run", "--repo", makeRepository(join(scratch, "blank")), "-"], { input: "  \n" });
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/describe|text/i);
});

test("names a port that is in use, and how to choose another", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const done = await samovar(["up", "--no-open", "--port", String(port), "--data-dir", join(scratch, "port")]);
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(new RegExp(`${port}[^]*--port`));
  await new Promise((resolve) => server.close(resolve));
});

test("refuses a data directory that another Samovar uses", async () => {
  const done = await samovar(["up", "--no-open", "--data-dir", here.dataDir, "--port", "0"]);
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/in use[^]*--data-dir/);
});

test("refuses a data directory that is not writable", async () => {
  writeFileSync(join(scratch, "file"), "");
  const done = await samovar(["up", "--no-open", "--data-dir", join(scratch, "file/below"), "--port", "0"]);
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/data directory[^]*--data-dir/i);
});

test("reports that git is not installed", async () => {
  const bin = join(scratch, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "node"), `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
  chmodSync(join(bin, "node"), 0o755);
  const done = await samovar(
    ["run", "--data-dir", here.dataDir, "--repo", makeRepository(join(scratch, "nogit")), "Do it"],
    { PATH: bin },
  );
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/git[^]*install/i);
});

test("refuses a wrong API token, with a hint", async () => {
  const response = await fetch(`${here.url}/api/me`, {
    headers: { authorization: "Bearer smv_not-a-real-token-at-all" },
  });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({
    error: { code: "unauthenticated", message: expect.stringMatching(/token|sign in/i) },
  });
});

test("explains how to start Samovar when none is running", async () => {
  const done = await samovar(["tasks", "--data-dir", join(scratch, "none")]);
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/samovar up/);
});

/** The raw reply: `fetch` would not send every header. */
async function getRaw(path: string, headers: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(here.url);
  return new Promise((resolve, reject) => {
    let reply = "";
    const socket = connect(Number(port), hostname, () =>
      socket.write(
        [`GET ${path} HTTP/1.1`, `host: ${hostname}:${port}`, "connection: close", ...headers, "", ""].join("\r\n"),
      ),
    );
    socket.on("data", (part: Buffer) => (reply += part.toString()));
    socket.on("error", reject);
    socket.on("close", () => resolve(reply));
  });
}

test.each([
  "MF-Route-Override: nowhere",
  "MF-Original-URL: nonsense",
  "MF-Original-URL: http://other.test/",
  "MF-Proxy-Shared-Secret: x",
  "MF-Op: GET",
])("[security 34] the control plane itself answers a request with the header %s", async (header) => {
  const reply = await getRaw("/api/me", [header]);
  expect(reply).toMatch(/^HTTP\/1\.1 400 /);
  expect(reply).toMatch(/content-security-policy: default-src 'none'/i);
  expect(reply).toMatch(/"code":"invalid_request","message":"The header mf-[a-z-]+ is not allowed\."/);
});

test("[security 34] a header that workerd cannot read reveals nothing", async () => {
  const reply = await getRaw("/api/me", ["MF-CF-Blob: {"]);
  expect(reply).toMatch(/^HTTP\/1\.1 500 /);
  expect(reply.split("\r\n\r\n")[1]).toBe("Internal Server Error");
});

test("[security 34] addresses of Miniflare are addresses of the control plane", async () => {
  for (const path of ["/cdn-cgi/platform-proxy", "/cdn-cgi/handler/scheduled", "/cdn-cgi/explorer"])
    expect(await getRaw(path, [])).toMatch(/content-security-policy: default-src 'none'/i);
});
