import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256 } from "@samovar/base/sha256";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Installation, removeDirectory, startInstallation, parseTask } from "../harness/installation.ts";
import { git, makeRemote } from "../harness/repository.ts";

let here: Installation;

beforeAll(async () => {
  here = await startInstallation();
});

afterAll(async () => {
  await here.stop();
  await removeDirectory(here.dataDir);
});

test("[R14] [F41] a rejected push completes the task with a warning, and its commits can be fetched as a bundle", async () => {
  const remote = makeRemote(join(here.dataDir, "remote.git"), {
    "pre-receive": "#!/bin/sh\necho 'no tea today' >&2\nexit 1\n",
  });
  const task = parseTask(
    await here.samovar(["run", "--json", "--repo", remote, "Make tea\n\n```write tea.txt\ngreen\n```\n"]),
  );
  expect(task).toMatchObject({ status: "completed", output: { branch: null, commits: [{}] } });
  expect(task.output?.warning).toContain("no tea today");

  const { apiToken }: { apiToken: string } = JSON.parse(readFileSync(join(here.dataDir, "instance.json"), "utf8"));
  const answer = await fetch(`${here.url}/api/projects/${task.projectId}/tasks/${task.id}/bundle`, {
    headers: { authorization: `Bearer ${apiToken}` },
  });
  expect(answer.headers.get("content-disposition")).toBe(
    `attachment; filename="${task.branch?.replaceAll("/", "-")}.bundle"`,
  );
  const bundle = Buffer.from(await answer.arrayBuffer());
  expect(task.output?.bundle).toEqual({
    bytes: bundle.byteLength,
    sha256: sha256(bundle),
  });
  writeFileSync(join(here.dataDir, "work.bundle"), bundle);
  git(remote, "fetch", "--quiet", join(here.dataDir, "work.bundle"), `${task.branch}:brought`);
  expect(git(remote, "show", "brought:tea.txt")).toBe("green");
  expect(git(remote, "rev-parse", "brought")).toBe(task.output?.commits[0]?.sha);
});
