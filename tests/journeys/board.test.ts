/** The board: which moves are allowed, live changes by others, and restored scroll position and selection. */
import { join } from "node:path";
import type { CreateTask, ProjectView, TaskView } from "@samovar/contracts";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { painted } from "../harness/browser.ts";
import { expectFocus } from "../harness/keys.ts";
import { hasEnded } from "../harness/person.ts";
import { makeRepository } from "../harness/repository.ts";
import { hang, say, script, sh } from "../harness/scripts.ts";
import { type Stage, startStage } from "../harness/stage.ts";

/** Long enough to be seen while it is still streaming. */
const WATCHING = "I watch the fire, and go on watching it until the tea is ready.";

let stage: Stage;
let repository: string;
let project: ProjectView;

beforeAll(async () => {
  stage = await startStage();
  repository = makeRepository(join(stage.here.dataDir, "repository"));
  await stage.browser.signIn(stage.here.signInUrl);
});
afterAll(() => stage.stop());
beforeEach(async () => {
  project = await stage.person.makeProject(repository, "Tea house");
});

test("[R28] a card dragged from draft to ready can be moved back; a column that accepts no card says why during the drag", async () => {
  await task({ description: "Fill the kettle" });
  const page = await openBoard();
  const card = findCard(page, "Fill the kettle");

  await pickUp(page, card);
  await over(page, column(page, "Completed"));
  await column(page, "Completed").getByText("A task gets here only when its run ends.").waitFor();
  await column(page, "In progress")
    .getByText(/uses a node, which costs money/)
    .waitFor();
  await page.mouse.up();
  await inColumn(page, "Draft", "Fill the kettle");

  await pickUp(page, card);
  await over(page, column(page, "Ready"));
  await page.mouse.up();
  await inColumn(page, "Ready", "Fill the kettle");
  await said(page, /“Fill the kettle” moved to Ready, 1 of 1/);
  await page.getByRole("button", { name: "Undo" }).click();
  await inColumn(page, "Draft", "Fill the kettle");
  await said(page, /“Fill the kettle” moved to Draft, 1 of 1/);
  await vi.waitFor(async () =>
    expect((await stage.person.tasks(project)).map(({ status }) => status)).toEqual(["draft"]),
  );
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] a card whose run is refused returns to its column, with a link to the page that fixes the cause", async () => {
  await ready(await task({ description: "Ask the great oracle", agent: "claude" }));
  const page = await openBoard();
  await findCard(page, "Ask the great oracle").focus();
  await page.keyboard.press("Shift+ArrowRight");
  await said(page, /The change to .* was undone/);
  await inColumn(page, "Ready", "Ask the great oracle");
  await expectFocus(findCard(page, "Ask the great oracle"));
  await page.getByRole("link", { name: "Open settings" }).click();
  await page.waitForURL(/\/settings\/credentials/);
  expect((await stage.person.tasks(project)).map(({ status }) => status)).toEqual(["ready"]);
  // Chromium reports the refused request in its console; it is the only complaint.
  await vi.waitFor(() => expect(stage.browser.complaints).toEqual([expect.stringContaining("409")]));
  stage.browser.forgive(/status of 409/);
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] changes by others appear by themselves: the focused card stays in place, and keeps the focus when it moves", async () => {
  const mine = await task({ description: "Count the spoons" });
  const page = await openBoard();
  const card = findCard(page, "Count the spoons");
  for (let n = 1; n <= 15; n++) await task({ description: `Something older, number ${n}`, priority: 4 });
  await findCard(page, "Something older, number 15").waitFor();
  await card.focus();
  await card.evaluate((element) => element.scrollIntoView({ block: "center" }));
  await painted(page);
  const before = await card.boundingBox();

  const urgent = await task({ description: "The roof is on fire", priority: 1 });
  await findCard(page, "The roof is on fire").waitFor({ state: "attached" });
  await painted(page);
  expect((await card.boundingBox())?.y).toBeCloseTo(before?.y ?? Number.NaN, 0);

  await ready(mine);
  await inColumn(page, "Ready", "Count the spoons");
  await expectFocus(card);

  await stage.person.ask(`/api/projects/${project.id}/tasks/${urgent.id}`, { method: "DELETE" });
  await findCard(page, "The roof is on fire").waitFor({ state: "detached" });
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] a running task shows what it does and for how long; the queued one shows why it waits", async () => {
  const first = await task({ description: script("Watch the fire", say(WATCHING), hang()), run: true });
  await task({ description: script("Put it out", say("Out.")), run: true, dependsOn: [first.id] });
  const page = await openBoard();
  const working = column(page, "In progress").getByRole("listitem").filter({ hasText: "Watch the fire" });
  await working.getByText(WATCHING).waitFor();
  await working.getByText(/^\d+(\.\d)? s$/).waitFor();
  await column(page, "Queued").getByText("Waits for “Watch the fire”.").waitFor();
  await stage.person.act(first, "cancel");
  await inColumn(page, "Cancelled", "Watch the fire");
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] a failed task is acknowledged on its card and no longer counts as needing attention; Undo reverses that", async () => {
  await stage.person.until(await task({ description: script("Boil dry", sh("exit 3")), run: true }), hasEnded);
  const page = await stage.browser.open("/");
  const inList = page.locator(`a[href="/p/${project.id}"]`).filter({ hasText: "Tea house" });
  await inList.filter({ hasText: "1 needs attention" }).click();
  await page.getByRole("link", { name: "Board" }).first().click();
  const card = column(page, "Failed").getByRole("listitem").filter({ hasText: "Boil dry" });
  const acknowledge = async () => {
    await card.getByRole("button", { name: "Actions for Boil dry" }).click();
    await page.getByRole("menuitem", { name: /^Acknowledge/ }).click();
    await said(page, /Acknowledged “Boil dry”/);
    await card.getByText("Acknowledged", { exact: true }).waitFor();
  };
  await acknowledge();
  await page.getByRole("button", { name: "Undo" }).click();
  await card.getByText("Acknowledged", { exact: true }).waitFor({ state: "detached" });
  await acknowledge();
  await page.getByRole("link", { name: "Samovar" }).click();
  await inList.filter({ hasText: "Nothing running. Active" }).waitFor();
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] the filter is part of the address; chat and back keeps the filter, the selected card and the scroll position", async () => {
  for (let n = 1; n <= 30; n++) await task({ description: `Polish cup ${n}` });
  await task({ description: "Sweep the yard", priority: 2 });
  const page = await openBoard();
  await page.keyboard.press("/");
  await page.keyboard.type("cup");
  await page.waitForURL(/filter=cup/);
  await page.getByText("30 of 31 tasks").waitFor();
  await findCard(page, "Sweep the yard").waitFor({ state: "detached" });

  const card = findCard(page, "Polish cup 30");
  await card.waitFor({ state: "attached" });
  await card.focus();
  await card.evaluate((element) => element.scrollIntoView({ block: "end" }));
  await painted(page);
  const before = await card.boundingBox();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Polish cup 30" }).waitFor();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "Board" }).click();
  await page.getByText("30 of 31 tasks").waitFor();
  await vi.waitFor(async () => expect((await card.boundingBox())?.y).toBeCloseTo(before?.y ?? Number.NaN, 0));
  await page.reload();
  await page.getByText("30 of 31 tasks").waitFor();
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] a link to a card selects it; only the last twenty ended tasks are shown, and all of them on demand", async () => {
  const ended: TaskView[] = [];
  for (let n = 1; n <= 23; n++)
    ended.push(await stage.person.act(await task({ description: `Old idea ${n}` }), "cancel"));
  const chosen = await task({ description: "The idea of today" });
  const page = await stage.browser.open(`/p/${project.id}/board?task=${chosen.id}`);
  await expectFocus(findCard(page, "The idea of today"));
  const cancelled = column(page, "Cancelled");
  await vi.waitFor(async () => expect(await cancelled.getByRole("listitem").count()).toBe(20));
  await vi.waitFor(async () => expect(await cancelled.getByRole("heading").innerText()).toMatch(/23/));
  await cancelled.getByRole("button", { name: "Show all" }).click();
  await vi.waitFor(async () => expect(await cancelled.getByRole("listitem").count()).toBe(23));
  expect(stage.browser.complaints).toEqual([]);
});

test("[R28] on a phone each column is a page, and a menu moves the cards", async () => {
  await task({ description: "Warm the pot" });
  const page = await stage.browser.open(`/p/${project.id}/board`, { width: 390, height: 844, phone: true });
  await page.getByRole("button", { name: "Actions for Warm the pot" }).tap();
  await page.getByRole("menuitem", { name: "Move to Ready" }).tap();
  await said(page, /moved to Ready/);
  const tabs = page.getByRole("group", { name: "Columns" });
  await tabs.getByRole("button", { name: /^Draft 0/ }).tap();
  await vi.waitFor(async () => expect(await isInView(column(page, "Draft"))).toBe(true));
  await tabs.getByRole("button", { name: /^Ready 1/ }).tap();
  await vi.waitFor(async () => expect(await isInView(column(page, "Ready"))).toBe(true));
  await vi.waitFor(async () =>
    expect(await tabs.getByRole("button", { name: /^Ready/ }).getAttribute("aria-current")).toBe("true"),
  );
  expect(stage.browser.complaints).toEqual([]);
});

const task = (wanted: CreateTask) => stage.person.submit(project, wanted);

async function ready(draft: TaskView): Promise<void> {
  await stage.person.ask(`/api/projects/${project.id}/tasks/${draft.id}`, {
    method: "PATCH",
    body: { status: "ready" },
  });
}

async function openBoard(): Promise<Page> {
  const page = await stage.browser.open(`/p/${project.id}/board`);
  await column(page, "Draft").waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  return page;
}

const column = (page: Page, word: string) => page.getByRole("region", { name: new RegExp(`^${word} ?\\d`) });
const findCard = (page: Page, title: string) => page.getByRole("link", { name: title, exact: true });
const inColumn = (page: Page, word: string, title: string) =>
  column(page, word).getByRole("link", { name: title, exact: true }).waitFor();

const said = (page: Page, words: RegExp) =>
  page.getByRole("status").filter({ hasText: words }).first().waitFor({ state: "attached" });

const isInView = (place: Locator) =>
  place.evaluate((element) => {
    const { left, right } = element.getBoundingClientRect();
    return left >= 0 && right <= innerWidth;
  });

async function pickUp(page: Page, card: Locator): Promise<void> {
  const box = await card.boundingBox();
  if (box === null) throw new Error("the card is not on the page");
  await page.mouse.move(box.x + 20, box.y + 8);
  await page.mouse.down();
  await page.mouse.move(box.x + 60, box.y + 40, { steps: 4 });
}

async function over(page: Page, place: Locator): Promise<void> {
  const box = await place.boundingBox();
  if (box === null) throw new Error("the column is not on the page");
  await page.mouse.move(box.x + 60, box.y + 260, { steps: 6 });
}
