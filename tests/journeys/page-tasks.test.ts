/** From nothing to finished tasks on the page: by mouse, by keyboard, from chat and from the board. */
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parsePlace } from "../harness/browser.ts";
import { expectFocus, tabTo } from "../harness/keys.ts";
import { makeRepository } from "../harness/repository.ts";
import { hang, say, script, sh } from "../harness/scripts.ts";
import { type Stage, startStage } from "../harness/stage.ts";

let stage: Stage;
let repository: string;

beforeAll(async () => {
  stage = await startStage();
  repository = makeRepository(join(stage.here.dataDir, "repository"));
});
afterAll(() => stage.stop());

test("[R26] [R33] the whole flow from the sign-in link to a finished task, by keyboard alone", async () => {
  await stage.browser.signIn(stage.here.signInUrl);
  const page = await stage.browser.open("/");
  await tabTo(page, page.getByRole("textbox", { name: "Name" }));
  await page.keyboard.type("Tea house");
  await tabTo(page, page.getByRole("textbox", { name: "Repository" }));
  await page.keyboard.type(repository);
  await page.keyboard.press("Enter");

  await page.getByRole("heading", { name: /What should be done/ }).waitFor();
  await page.keyboard.press("c");
  await expectFocus(page.getByRole("textbox", { name: "Describe a task" }));
  await page.keyboard.insertText(script("Put the kettle on", say("It is on."), sh("echo hot > kettle.txt")));
  await page.keyboard.press("Control+Enter");

  const outcome = page.getByRole("article", { name: "Outcome" });
  await outcome.filter({ hasText: "Completed" }).waitFor();
  await page.getByRole("paragraph").filter({ hasText: "It is on." }).waitFor();

  await leaveFields(page);
  await page.keyboard.press("g");
  await page.keyboard.press("b");
  const card = page.getByRole("region", { name: /^Completed/ }).getByRole("link", { name: "Put the kettle on" });
  await tabTo(page, card);
  await page.keyboard.press("Enter");
  await outcome.waitFor();
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] a task is saved to the backlog, edited and run from the board with the mouse, and its card moves by itself", async () => {
  const page = await stage.browser.open("/");
  await page.getByRole("link", { name: /Tea house/ }).click();
  await page.getByRole("feed").waitFor();
  await page.getByRole("textbox", { name: "Describe a task" }).fill(script("Warm the pot", sh("echo warm > pot.txt")));
  await page.getByRole("button", { name: "More ways to submit" }).click();
  await page.getByRole("menuitem", { name: /Save to backlog/ }).click();
  await page.getByRole("status").getByRole("link", { name: "Warm the pot" }).click();

  await page.getByRole("button", { name: "More actions" }).click();
  await page.getByRole("menuitem", { name: /^Edit/ }).click();
  const form = page.getByRole("form", { name: "Task" });
  await form.getByRole("textbox", { name: "Title" }).fill("Warm the pot well");
  await form.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "Warm the pot well", level: 1 }).waitFor();

  await page.getByRole("link", { name: "Board" }).first().click();
  const draft = column(page, "Draft").getByRole("link", { name: "Warm the pot well" });
  await draft.dragTo(column(page, "In progress"));
  await said(page, /Running .*Warm the pot well/);
  await column(page, "Completed").getByRole("link", { name: "Warm the pot well" }).waitFor();
  expect(await draft.count()).toBe(0);
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] the board works by keyboard: draft → ready → run, each move is announced and the card keeps the focus", async () => {
  const [project] = (await stage.here.api<{ items: { id: string }[] }>("/api/projects")).items;
  const page = await stage.browser.open(`/p/${project?.id}/new`);
  const composer = page.getByRole("textbox", { name: "Describe a task" });
  await composer.focus();
  await page.keyboard.insertText(script("Rinse the cups", sh("echo clean > cups.txt")));
  await page.keyboard.press("Control+Shift+Enter");
  await page.getByRole("status").getByRole("link", { name: "Rinse the cups" }).waitFor();
  await leaveFields(page);
  await page.keyboard.press("g");
  await page.keyboard.press("b");

  const card = board(page).getByRole("link", { name: "Rinse the cups" });
  await tabTo(page, card);
  await page.keyboard.press("Shift+ArrowUp");
  await said(page, /Rinse the cups.*Low/);
  await page.keyboard.press("Shift+ArrowRight");
  await said(page, /Rinse the cups.*moved to Ready, 1 of 1/);
  await column(page, "Ready").getByRole("link", { name: "Rinse the cups" }).waitFor();
  await expectFocus(card);
  await page.keyboard.press("Shift+ArrowRight");
  await said(page, /Running .*Rinse the cups/);
  await column(page, "Completed").getByRole("link", { name: "Rinse the cups" }).waitFor();
  await expectFocus(card);
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] a running task is cancelled from the board only after confirmation", async () => {
  const [project] = (await stage.here.api<{ items: { id: string }[] }>("/api/projects")).items;
  const page = await stage.browser.open(`/p/${project?.id}/new`);
  await page.getByRole("textbox", { name: "Describe a task" }).fill(script("Watch the fire", say("I watch."), hang()));
  await page.getByRole("button", { name: "Run now" }).click();
  await page.getByRole("button", { name: "Cancel" }).waitFor();
  expect(parsePlace(page.url()).session).not.toBe("");
  await page.getByRole("link", { name: "Board" }).first().click();

  const card = board(page).getByRole("link", { name: "Watch the fire" });
  await column(page, "In progress").getByRole("link", { name: "Watch the fire" }).waitFor();
  await card.focus();
  await page.keyboard.press("m");
  await page.getByRole("menuitem", { name: /Move to Cancelled/ }).click();
  const question = page.getByRole("dialog", { name: /Cancel/ });
  await question.getByRole("button", { name: "Keep running" }).click();
  await question.waitFor({ state: "detached" });
  await expectFocus(card);
  await page.keyboard.press("m");
  await page.getByRole("menuitem", { name: /Move to Cancelled/ }).click();
  await question.getByRole("button", { name: "Cancel task" }).click();
  await column(page, "Cancelled").getByRole("link", { name: "Watch the fire" }).waitFor();
  expect(stage.browser.complaints).toEqual([]);
});

const board = (page: Page) => page.getByRole("main", { name: "Board" });
const column = (page: Page, word: string) => page.getByRole("region", { name: new RegExp(`^${word}`) });

/** The announcement for screen readers. */
const said = (page: Page, words: RegExp) =>
  page.getByRole("status").filter({ hasText: words }).first().waitFor({ state: "attached" });

/** Letters are keys only outside of text fields. */
async function leaveFields(page: Page): Promise<void> {
  await page.keyboard.press("Shift+Tab");
  expect(await page.evaluate("document.activeElement.matches('input, textarea, select')")).toBe(false);
}
