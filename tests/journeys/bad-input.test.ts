import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  type Installation,
  removeDirectory,
  samovar,
  startInstallation,
  taskOf,
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

test("no repository at the path", async () => {
  const done = await run("--repo", join(scratch, "nowhere"), "Do it");
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/nowhere/);
});

test("a directory that is no repository", async () => {
  mkdirSync(join(scratch, "plain"));
  const done = await run("--repo", join(scratch, "plain"), "Do it");
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/git/i);
});

test("an empty repository: what to do is a first commit", async () => {
  const done = await run("--repo", makeRepository(join(scratch, "empty"), {}), "Do it");
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/commit/i);
});

test("a detached HEAD: a base branch has to be named", async () => {
  const repository = makeRepository(join(scratch, "detached"));
  git(repository, "checkout", "--quiet", "--detach");
  const done = await run("--repo", repository, "Do it");
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/--base/);
});

test("a dirty repository runs, and says what is left out", async () => {
  const repository = makeRepository(join(scratch, "dirty"));
  writeFileSync(join(repository, "uncommitted.txt"), "x");
  const done = await run("--json", "--repo", repository, "Say hello\n\n```say\nHello\n```\n");
  expect(done.stderr).toMatch(/uncommitted/i);
  expect(taskOf(done).status).toBe("completed");
});

test("[R14] [F42] a branch name that is taken gets a suffix, and the one that was there is untouched", async () => {
  const repository = makeRepository(join(scratch, "taken"));
  const draft = taskOf(await run("--json", "--backlog", "--repo", repository, "Write\n\n```write new.txt\nnew\n```\n"));
  git(repository, "branch", `task/${draft.id}`);
  const before = git(repository, "rev-parse", `task/${draft.id}`);
  await here.api(`/api/projects/${draft.projectId}/tasks/${draft.id}/run`, { method: "POST", body: {} });
  const verify = async () =>
    taskOf({
      code: 0,
      stderr: "",
      stdout: JSON.stringify(await here.api(`/api/projects/${draft.projectId}/tasks/${draft.id}`)),
    });
  await vi.waitFor(async () => expect((await verify()).status).toBe("completed"));
  expect((await verify()).branch).toBe(`task/${draft.id}-2`);
  expect(git(repository, "rev-parse", `task/${draft.id}`)).toBe(before);
});

test("a text over the limit is refused with the limit", async () => {
  const repository = makeRepository(join(scratch, "long"));
  const done = await here.samovar(["run", "--repo", repository, "-"], { input: "x".repeat(64_001) });
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/64,?000/);
});

test("an empty text", async () => {
  const done = await here.samovar(["run", "--repo", makeRepository(join(scratch, "blank")), "-"], { input: "  \n" });
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/describe|text/i);
});

test("a port in use is named, with the way out", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const done = await samovar(["up", "--no-open", "--port", String(port), "--data-dir", join(scratch, "port")]);
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(new RegExp(`${port}[^]*--port`));
  await new Promise((resolve) => server.close(resolve));
});

test("a data directory in use by another instance", async () => {
  const done = await samovar(["up", "--no-open", "--data-dir", here.dataDir, "--port", "0"]);
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/in use[^]*--data-dir/);
});

test("a data directory that cannot be written", async () => {
  writeFileSync(join(scratch, "file"), "");
  const done = await samovar(["up", "--no-open", "--data-dir", join(scratch, "file/below"), "--port", "0"]);
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/data directory[^]*--data-dir/i);
});

test("no git on the machine", async () => {
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

test("a wrong API token", async () => {
  const response = await fetch(`${here.url}/api/me`, {
    headers: { authorization: "Bearer smv_not-a-real-token-at-all" },
  });
  expect(response.status).toBe(401);
  expect(await response.json()).toMatchObject({
    error: { code: "unauthenticated", message: expect.stringMatching(/token|sign in/i) },
  });
});

test("no server running says how to start one", async () => {
  const done = await samovar(["tasks", "--data-dir", join(scratch, "none")]);
  expect(done.code).not.toBe(0);
  expect(done.stderr).toMatch(/samovar up/);
});
