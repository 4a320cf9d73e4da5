/** What the page shows is what the store has: through cuts, bursts, several tabs and projects. */
import { join } from "node:path";
import { messageView, type ProjectView, type TaskView } from "@samovar/contracts";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod";
import { madeTranscript } from "../harness/made-transcript.ts";
import { makeRepository } from "../harness/repository.ts";
import { hang, say, script, stream } from "../harness/scripts.ts";
import { shownArticles, getWords } from "../harness/shown-transcript.ts";
import { type Stage, startStage } from "../harness/stage.ts";
import { openWorkspaceDelivery } from "../harness/workspace-delivery.ts";

let stage: Stage;
let tea: ProjectView;
let coffee: ProjectView;

/** What Chromium says of a connection that the test has cut; the page itself says nothing. */
const CUT = /net::ERR_|WebSocket connection to/;

beforeAll(async () => {
  stage = await startStage();
  const repository = makeRepository(join(stage.here.dataDir, "repository"));
  tea = await stage.person.makeProject(repository, "Tea");
  coffee = await stage.person.makeProject(repository, "Coffee");
  await stage.browser.signIn(stage.here.signInUrl);
});
afterAll(() => stage.stop());

test("[R27] [R31] the socket breaks repeatedly during a stream: the transcript equals the stored one, with nothing twice", async () => {
  const text = script("Stream", stream(900, 25), say("The very last words."));
  const task = await stage.person.submit(tea, { description: text });
  const page = await stage.browser.open(toPath(task));
  await page.getByRole("button", { name: "Run now", exact: true }).click();
  let seen = await wordCount(page);
  for (let cuts = 0; cuts < 4; cuts++) {
    await vi.waitFor(async () => expect(await wordCount(page)).toBeGreaterThan(seen + 20));
    expect(stage.proxy.cutAll()).toBeGreaterThan(0);
    seen = await wordCount(page);
  }
  await page.getByRole("article", { name: "Outcome" }).waitFor();
  await expectShownAsStored(page, task);
});

test("[R27] [R31] the socket breaks during a burst: messages sent meanwhile appear in their place", async () => {
  const task = await run(tea, script("Burst", say("It begins."), hang()));
  const page = await stage.browser.open(toPath(task));
  await page.getByRole("feed").getByRole("article").first().waitFor();
  const delivery = await openWorkspaceDelivery(stage.here, tea.id, task.sessionId);
  const burst = madeTranscript(task.sessionId, 160, 1000);
  for (let at = 0; at < burst.length; at += 20) {
    await delivery.deliver(burst.slice(at, at + 20));
    if (at % 40 === 0) stage.proxy.cutAll();
  }
  await page.getByText(/^Message 1159: /).waitFor();
  await expectShownAsStored(page, task);
  await stage.person.act(task, "cancel");
});

test("[R27] [R29] two tabs with two projects at once: each shows all its messages as they arrive", async () => {
  const [first, second] = [
    await run(tea, script("Pour", say("It begins."), hang())),
    await run(coffee, script("Grind", say("It begins."), hang())),
  ];
  const pages = [await stage.browser.open(toPath(first)), await stage.browser.open(toPath(second))];
  const context = pages[0]?.context();
  if (context === undefined) throw new Error("no first tab");
  const sameAsFirst = await context.newPage();
  await sameAsFirst.goto(new URL(toPath(first), stage.here.pageUrl).href);
  const board = await context.newPage();
  await board.goto(new URL(`/p/${coffee.id}/board`, stage.here.pageUrl).href);

  for (const [n, task] of [first, second].entries()) {
    const delivery = await openWorkspaceDelivery(stage.here, task.projectId, task.sessionId);
    await delivery.deliver(madeTranscript(task.sessionId, 30, 2000 + 100 * n));
  }
  const [tabOfTea, tabOfCoffee] = pages;
  if (tabOfTea === undefined || tabOfCoffee === undefined) throw new Error("no tabs");
  await tabOfTea.getByText(/^Message 2029: /).waitFor();
  await sameAsFirst.getByText(/^Message 2029: /).waitFor();
  await tabOfCoffee.getByText(/^Message 2129: /).waitFor();
  await expectShownAsStored(tabOfTea, first);
  await expectShownAsStored(sameAsFirst, first);
  await expectShownAsStored(tabOfCoffee, second);
  expect(await tabOfTea.getByText(/^Message 21\d\d: /).count()).toBe(0);

  await board
    .getByRole("region", { name: /^In progress/ })
    .getByRole("link", { name: "Grind" })
    .waitFor();
  await stage.person.act(second, "cancel");
  await stage.person.act(first, "cancel");
  await board
    .getByRole("region", { name: /^Cancelled/ })
    .getByRole("link", { name: "Grind" })
    .waitFor();
  await tabOfCoffee.getByRole("article", { name: "Outcome" }).waitFor();
  await sameAsFirst.getByRole("article", { name: "Outcome" }).waitFor();
  expect(stage.browser.complaints).toEqual([]);
});

test("[R27] [R30] switching between chat and board keeps the session, its scroll position and the selected card, also after a reload", async () => {
  const task = await stage.person.submit(tea, { description: "A long tale" });
  const delivery = await openWorkspaceDelivery(stage.here, tea.id, task.sessionId);
  await delivery.deliver(madeTranscript(task.sessionId, 600, 1));
  const page = await stage.browser.open(toPath(task));
  const feed = page.getByRole("feed");
  await page.getByText(/^Message 600: /).waitFor();
  for (let n = 0; n < 8; n++) await feed.evaluate((element) => element.scrollBy({ top: -300, behavior: "instant" }));
  const before = await firstInSight(page);

  await page.getByRole("link", { name: "Board", exact: true }).first().click();
  const card = page.getByRole("main", { name: "Board" }).getByRole("link", { name: "A long tale" });
  await card.focus();
  await page.getByRole("link", { name: "Chat", exact: true }).first().click();
  await feed.waitFor();
  expect(new URL(page.url()).pathname).toBe(toPath(task));
  await inSight(page, before);

  await page.getByRole("link", { name: "Board", exact: true }).first().click();
  await vi.waitFor(async () => expect(await card.getAttribute("tabindex")).toBe("0"));
  await page.getByRole("link", { name: "Chat", exact: true }).first().click();
  await feed.waitFor();
  await page.reload();
  await feed.getByRole("article").first().waitFor();
  await inSight(page, before);
  expect(stage.browser.complaints).toEqual([]);
});

test("[R27] [R30] a reader who moves on before a submission is answered stays there, and sees a link to the new task", async () => {
  const reading = await stage.person.submit(tea, { description: "Something to read" });
  const other = await stage.person.submit(tea, { description: "Something else" });
  const page = await stage.browser.open(toPath(other));
  await page.getByRole("textbox", { name: "Describe a task" }).fill(script("Brew slowly", say("Brewed.")));
  const held = Promise.withResolvers<void>();
  await page.route("**/api/projects/*/tasks", async (route) => {
    if (route.request().method() === "POST") await held.promise;
    await route.continue();
  });
  await page.getByRole("textbox", { name: "Describe a task" }).press("Control+Enter");
  await page.getByRole("link", { name: /Something to read/ }).click();
  await page.waitForURL(`**${toPath(reading)}`);
  held.resolve();
  await page.getByRole("status").filter({ hasText: "Running" }).getByRole("link", { name: "Brew slowly" }).waitFor();
  expect(new URL(page.url()).pathname).toBe(toPath(reading));
  await page.getByRole("status").getByRole("link", { name: "Brew slowly" }).click();
  await page.getByRole("article", { name: "Outcome" }).waitFor();
  expect(stage.browser.complaints).toEqual([]);
});

test("[R32] offline, the page says so after a moment, stays readable and sends nothing by itself; online again it catches up", async () => {
  const task = await run(tea, script("Steep", say("It begins."), hang()));
  const page = await stage.browser.open(toPath(task));
  const delivery = await openWorkspaceDelivery(stage.here, tea.id, task.sessionId);
  await delivery.deliver(madeTranscript(task.sessionId, 20, 3000));
  await page.getByText(/^Message 3019: /).waitFor();

  stage.proxy.reschedule(() => ({ kind: "drop_request" }));
  await page.context().setOffline(true);
  stage.proxy.cutAll();
  await page.getByText(/^Offline\. Showing/).waitFor();
  await page.getByRole("textbox", { name: "Describe a task" }).fill("Never sent by itself");
  expect(await page.getByRole("button", { name: /^Run now/ }).isDisabled()).toBe(true);
  await delivery.deliver(madeTranscript(task.sessionId, 20, 3020));

  stage.proxy.reschedule([]);
  await page.context().setOffline(false);
  await page.getByText(/^Message 3039: /).waitFor();
  await expectShownAsStored(page, task);
  expect(await page.getByRole("textbox", { name: "Describe a task" }).inputValue()).toBe("Never sent by itself");
  expect((await stage.person.tasks(tea)).filter(({ title }) => title.startsWith("Never"))).toEqual([]);
  await stage.person.act(task, "cancel");
});

const run = async (project: ProjectView, description: string): Promise<TaskView> => {
  const task = await stage.person.submit(project, { description, run: true });
  return stage.person.until(task, ({ status }) => status === "in_progress");
};

const toPath = (task: TaskView) => `/p/${task.projectId}/s/${task.sessionId}`;

const wordCount = async (page: Page) => getWords(await page.getByRole("feed").innerText()).length;

/** The words of what the agent said; where connections were cut, Chromium's own word about it is no complaint of the page. */
async function expectShownAsStored(page: Page, task: TaskView): Promise<void> {
  const path = `/api/projects/${task.projectId}/sessions/${task.sessionId}/messages?limit=200`;
  const { messages } = z.object({ messages: z.array(messageView) }).parse(await stage.here.api(path));
  const stored = messages.filter(({ role, kind }) => role === "assistant" && kind === "text");
  const shown = await shownArticles(page, "Agent");
  expect(shown.map(plain)).toEqual(stored.map(({ content }) => plain(content)));
  stage.browser.forgive(CUT);
  expect(stage.browser.complaints).toEqual([]);
}

/** Addresses of links and names of languages are marks of markdown, not words that are shown. */
const plain = (text: string) =>
  getWords(text.replace(/\]\([^)]*\)/g, "]").replace(/^```\w*$|^(Copy|ts)$/gm, "")).join(" ");

const inSight = (page: Page, wanted: Awaited<ReturnType<typeof firstInSight>>) =>
  vi.waitFor(async () => expect(await firstInSight(page)).toEqual(wanted));

/** The first visible row, and its distance from the top. */
const firstInSight = (page: Page) =>
  page.getByRole("feed").evaluate((feed) => {
    const top = feed.getBoundingClientRect().top;
    const rows = [...feed.querySelectorAll("[data-row]")].map((row) => ({ row, box: row.getBoundingClientRect() }));
    const first = rows.toSorted((a, b) => a.box.top - b.box.top).find(({ box }) => box.bottom > top);
    return { row: first?.row.getAttribute("data-row"), at: Math.round((first?.box.top ?? 0) - top) };
  });
