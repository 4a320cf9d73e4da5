/** Egress on the page: a project's settings, and a refused connection in its transcript that a person allows [R50]. */
import { join } from "node:path";
import { projectView, type ProjectView } from "@samovar/contracts";
import { aDeliveredMessage, aToolMetadata } from "@samovar/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { makeRepository } from "../harness/repository.ts";
import { type Stage, startStage } from "../harness/stage.ts";
import { openWorkspaceDelivery } from "../harness/workspace-delivery.ts";

let stage: Stage;
let page: Page;
let project: ProjectView;

beforeAll(async () => {
  stage = await startStage();
  const repository = makeRepository(join(stage.here.dataDir, "repository"));
  project = await stage.person.makeProject(repository, "Tea house");
  await stage.browser.signIn(stage.here.signInUrl);
  page = await stage.browser.open(`/p/${project.id}/settings`);
});
afterAll(() => stage.stop());

const read = async () => projectView.parse(await stage.here.api(`/api/projects/${project.id}`));
const mode = (name: string) => page.getByRole("radio", { name });
const allow = () => page.getByRole("button", { name: "Allow for this project" });

test("[R49] [R50] a project's settings take its mode, its hosts and whether the repository's settings are used; a host that is none is named", async () => {
  expect(await mode("Open").isChecked()).toBe(true);
  await mode("Allow-list").check();
  const hosts = page.getByRole("textbox", { name: "Allowed hosts" });
  await hosts.fill("a.example\nhttps://b.example");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("https://b.example: use a host name").waitFor();
  expect((await read()).egress).toEqual({ mode: "open", hosts: [] });
  await hosts.fill("A.example\n*.b.example:8443");
  await page.getByRole("checkbox", { name: "The repository's agent settings" }).check();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await vi.waitFor(async () => {
    const { egress, repositorySettings } = await read();
    expect(egress).toEqual({ mode: "allow-list", hosts: ["a.example", "*.b.example:8443"] });
    expect(repositorySettings).toBe("used");
  });
  await page.getByText("Always allowed").click();
  await page.getByText("registry.npmjs.org").waitFor();
});

test("[R50] a refused connection is folded; its host is allowed by one press, and without effect on what another browser allows", async () => {
  const task = await stage.person.submit(project, { description: "Fetch the tea", run: false });
  const delivery = await openWorkspaceDelivery(stage.here, project.id, task.sessionId);
  const refused = (target: string, seq: number) =>
    aDeliveredMessage({
      sessionId: task.sessionId,
      seq,
      role: "system",
      kind: "notice",
      body: { mode: "replace", content: `A connection to ${target} was refused.` },
      toolMetadata: aToolMetadata({
        toolCallId: `egress:${target}`,
        tool: "egress",
        title: "Connection refused",
        target,
        status: "error",
      }),
      timestamp: new Date().toISOString(),
    });
  await delivery.deliver([refused("registry.tea.example:443", 1), refused("127.0.0.1:8080", 2)]);
  await page.goto(`${stage.here.pageUrl}/p/${project.id}/s/${task.sessionId}`);
  const row = page.getByRole("button", { name: "Connection refused registry.tea.example:443" });
  await row.waitFor();
  expect(await allow().count()).toBe(0);
  await row.click();
  // Another browser allows a host meanwhile, of which this page does not know.
  await stage.here.api(`/api/projects/${project.id}/egress/hosts`, { method: "POST", body: { host: "c.example" } });
  await allow().click();
  await page.getByText("Allowed from the next session on.").waitFor();
  expect((await read()).egress.hosts).toEqual(["a.example", "*.b.example:8443", "c.example", "registry.tea.example"]);
  await page.reload();
  await row.click();
  await page.getByRole("button", { name: "Already allowed" }).waitFor();
  await page.getByRole("button", { name: "Connection refused 127.0.0.1:8080" }).click();
  await page.getByText("can't be allowed").waitFor();
  expect(await allow().count()).toBe(0);
  expect(stage.browser.complaints).toEqual([]);
});

test("[R50] a project that allows no hosts offers its settings instead", async () => {
  await stage.here.api(`/api/projects/${project.id}`, {
    method: "PATCH",
    body: { egress: { mode: "none", hosts: [] } },
  });
  await page.reload();
  const row = page.getByRole("button", { name: "Connection refused registry.tea.example:443" });
  await row.click();
  await page.getByText("This project allows no hosts.").waitFor();
  expect(await allow().isDisabled()).toBe(true);
  await page.getByRole("link", { name: "Change its settings" }).click();
  await mode("None").waitFor();
  expect(await mode("None").isChecked()).toBe(true);
  expect(await page.getByRole("textbox", { name: "Allowed hosts" }).count()).toBe(0);
});
