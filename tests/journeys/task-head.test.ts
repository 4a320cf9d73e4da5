/** A task at its head and in the composer: what can be asked for, what it changed, how it is cancelled and gone on from. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { taskView, type TaskView } from "@samovar/contracts";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { parsePlace } from "../harness/browser.ts";
import { makeRepository } from "../harness/repository.ts";
import { hang, say, script, sh, write } from "../harness/scripts.ts";
import { type Stage, startStage } from "../harness/stage.ts";

let stage: Stage;
let page: Page;
let project = "";

const LINES = Array.from({ length: 40 }, (_, index) => `export const step${index} = ${index};`).join("\n");

beforeAll(async () => {
  stage = await startStage();
  const repository = makeRepository(join(stage.here.dataDir, "repository"), { "src/kettle.ts": `${LINES}\n` });
  project = (await stage.person.makeProject(repository, "Tea house")).id;
  await stage.browser.signIn(stage.here.signInUrl);
  page = await stage.browser.open(`/p/${project}`);
});
afterAll(() => stage.stop());

const composer = () => page.getByRole("textbox", { name: "Describe a task" });
const changes = () => page.getByRole("complementary", { name: "Changes" });
const enlarged = () => page.getByRole("dialog", { name: "Changes" });

test("[R30] an agent that is not ready is reported with a link, before and after submitting; Edit restores the whole form", async () => {
  await composer().fill("Ask the kettle");
  await page.getByRole("button", { name: /^Advanced/ }).click();
  await page.getByRole("combobox", { name: "Agent" }).selectOption("claude");
  await page.getByRole("combobox", { name: "Priority" }).selectOption("High");
  await page.getByText("Claude Code can't run yet.").waitFor();
  await composer().press("Control+Enter");

  const refused = page.getByRole("article", { name: "Unsent task" });
  await refused.getByText(/Not sent\. Claude Code cannot run yet/).waitFor();
  expect(await refused.getByRole("link", { name: "Open settings" }).getAttribute("href")).toBe("/settings/credentials");
  await refused.getByRole("button", { name: "Edit" }).click();
  expect(await composer().inputValue()).toBe("Ask the kettle");
  await page.getByRole("button", { name: /^Advanced/ }).click();
  expect(await page.getByRole("combobox", { name: "Priority" }).inputValue()).toBe("2");
  await page.getByRole("combobox", { name: "Agent" }).selectOption("");
  await page.getByRole("combobox", { name: "Priority" }).selectOption("No priority");
  expect(stage.browser.forgive(/status of 409/)).toBe(1);
});

test("[R29] a task's changes come from its workspace while it runs, and from its steps once the workspace is gone", async () => {
  const text = script(
    "Change the kettle",
    write("src/pot.ts", "export const pot = 1;"),
    sh(
      "sed -i 's/step20 = 20/step20 = 200/' src/kettle.ts && touch changed && while test -f changed; do sleep 0.1; done",
    ),
    say("Changed."),
  );
  await composer().fill(text);
  await composer().press("Control+Enter");
  await page.locator("header").getByText("Working", { exact: true }).waitFor();
  const task = await shownTask();
  const look = () => stage.here.api<{ path: string; diff: string }>(`/api/workspaces/${task.workspaceId}/diff`);
  await vi.waitFor(async () => expect((await look()).diff).toContain("+export const step20 = 200;"));
  await page.getByRole("heading", { name: "Change the kettle" }).click();
  await page.keyboard.press("d");
  await changes().getByText("In the workspace now").waitFor();
  await changes().getByText("export const step20 = 200;").waitFor();
  await changes().getByText("export const pot = 1;").waitFor();
  expect(page.url()).toContain("panel=changes");

  await rm(join((await look()).path, "changed"));
  await page.goBack();
  await changes().waitFor({ state: "detached" });
  await page.getByRole("article", { name: "Outcome" }).filter({ hasText: "Completed" }).waitFor();
  await page.getByRole("button", { name: /2 files.*show changes/ }).click();
  await changes().getByText("These are the edits that the agent reported").waitFor();
  await changes().getByText("export const pot = 1;").waitFor();

  await changes().getByRole("button", { name: "Enlarge" }).click();
  await enlarged().getByRole("button", { name: "Side by side" }).click();
  await enlarged().getByRole("button", { name: "Unified" }).click();
  await enlarged().getByRole("button", { name: "Show beside the transcript" }).click();
  await changes().getByText("export const pot = 1;").waitFor();
  await page.keyboard.press("d");
  await changes().waitFor({ state: "detached" });
  await page.keyboard.press("d");
  await changes().and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Escape");
  await changes().waitFor({ state: "detached" });

  // Who goes on while it is open stays where he is when he closes it.
  await page.keyboard.press("d");
  await changes().waitFor();
  await page.evaluate(() => {
    history.pushState(null, "", `${location.pathname}?panel=changes&msg=1`);
    dispatchEvent(new PopStateEvent("popstate"));
  });
  await page.waitForURL(/msg=1/);
  await page.keyboard.press("d");
  await changes().waitFor({ state: "detached" });
  expect(new URL(page.url()).search).toBe("?msg=1");
});

test("[R29] [R30] a follow-up starts after its task and from its branch", async () => {
  const before = await shownTask();
  await page.getByRole("button", { name: "Start a follow-up" }).click();
  await page.keyboard.type("Go on");
  await page.keyboard.press("Control+Shift+Enter");
  await page.getByRole("status").getByRole("link", { name: "Go on" }).click();
  await page.getByRole("heading", { name: "Go on" }).waitFor();
  const next = await shownTask();
  expect(next).toMatchObject({ status: "draft", dependsOn: [before.id], baseBranch: before.output?.branch });
  expect(before.output?.branch).not.toBeNull();
});

test("[R29] Cancel asks for confirmation while the agent works, and can be dismissed", async () => {
  await composer().fill(script("Hold on", say("Holding."), hang()));
  await composer().press("Control+Enter");
  await page.getByRole("heading", { name: "Hold on" }).waitFor();
  await page.locator("header").getByText("Working", { exact: true }).waitFor();
  await page.keyboard.press("Control+.");
  await page.getByRole("button", { name: "Keep running" }).click();
  expect((await shownTask()).cancelRequested).toBe(false);
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel task" }).click();
  await page.getByRole("article", { name: "Outcome" }).filter({ hasText: "Cancelled" }).waitFor();
  await page.getByRole("button", { name: "Run again" }).waitFor();
  expect(stage.browser.complaints).toEqual([]);
});

/** As the API has the task whose session the page shows. */
async function shownTask(): Promise<TaskView> {
  const { session } = parsePlace(page.url());
  const { items } = await stage.here.api<{ items: unknown[] }>(`/api/projects/${project}/tasks`);
  const found = items.map((item) => taskView.parse(item)).find((task) => task.sessionId === session);
  if (found === undefined) throw new Error(`no task has the session ${session}`);
  return found;
}
