/** `samovar project` against the test's own control plane. */
import type { PatchProject } from "@samovar/contracts";
import { aProjectView } from "@samovar/testing";
import { afterEach, expect, it } from "vitest";
import { testSamovar, toPage } from "./context.testing.ts";
import { showProject } from "./project.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const tea = aProjectView({ name: "tea" });

async function samovar() {
  const here = await testSamovar({
    "GET /api/projects": () => toPage(tea),
    [`PATCH /api/projects/${tea.id}`]: ({ body }) => {
      const { runtime = tea.runtime, repositorySettings = tea.repositorySettings } = body as PatchProject;
      return { ...tea, runtime, repositorySettings };
    },
  });
  closing.push(here.close);
  return here;
}

it("[R48] lets a project's agents use the repository's own settings, and takes that back", async () => {
  const here = await samovar();
  const context = here.context();
  expect(await showProject("tea", { repositorySettings: "used" }, context)).toBe(0);
  expect(here.asked.at(-1)?.body).toEqual({ repositorySettings: "used" });
  expect(context.terminal.out()).toMatch(/^repository's agent settings +used$/m);
  await showProject("tea", { repositorySettings: "ignored", runtime: "sandbox" }, here.context());
  expect(here.asked.at(-1)?.body).toEqual({ repositorySettings: "ignored", runtime: "sandbox" });
});

it("[R48] changes nothing without an option, and says that agents ignore the repository's settings", async () => {
  const here = await samovar();
  const context = here.context();
  expect(await showProject("tea", {}, context)).toBe(0);
  expect(here.asked.filter(({ method }) => method !== "GET")).toEqual([]);
  expect(context.terminal.out()).toMatch(/^repository's agent settings +ignored$/m);
  expect(context.terminal.out()).toMatch(/^runtime +the node's$/m);
});
