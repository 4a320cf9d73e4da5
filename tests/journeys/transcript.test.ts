/** A long transcript in a real browser: what one reads never moves by itself, and is there again when one comes back. */
import { join } from "node:path";
import type { ProjectView, TaskView } from "@samovar/contracts";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { launchBrowser, painted, type PersonsBrowser } from "../harness/browser.ts";
import { type Installation, removeDirectory, startInstallation } from "../harness/installation.ts";
import { fillProject } from "../harness/long-project.ts";
import { madeTranscript } from "../harness/made-transcript.ts";
import { Person } from "../harness/person.ts";
import { makeRepository } from "../harness/repository.ts";
import { openWorkspaceDelivery } from "../harness/workspace-delivery.ts";

const LONG = 803;
const SHORT = 40;

let here: Installation;
let browser: PersonsBrowser;
let project: ProjectView;
let long: TaskView;
let short: TaskView;

beforeAll(async () => {
  here = await startInstallation();
  project = await new Person(() => here).makeProject(makeRepository(join(here.dataDir, "repository")));
  const tasks = await fillProject(here, project, [LONG, SHORT, SHORT]);
  [long, short] = [taskAt(tasks, 0), taskAt(tasks, 1)];
  browser = await launchBrowser({ url: here.pageUrl });
  await browser.signIn(here.signInUrl);
});

afterAll(async () => {
  await browser.close();
  await here.stop();
  await removeDirectory(here.dataDir);
});

const taskAt = (tasks: readonly TaskView[], at: number): TaskView => {
  const task = tasks[at];
  if (task === undefined) throw new Error(`there is no task ${at}`);
  return task;
};

const getAddress = (task: TaskView, rest = "") => `/p/${task.projectId}/s/${task.sessionId}${rest}`;
const getFeed = (page: Page) => page.getByRole("feed");
const place = (page: Page, position: number) => page.locator(`article[aria-posinset="${position + 1}"]`);

async function openAt(task: TaskView, rest = ""): Promise<Page> {
  const page = await browser.open(getAddress(task, rest));
  await getFeed(page).waitFor();
  await settled(page);
  return page;
}

async function scrollBy(page: Page, px: number): Promise<void> {
  await getFeed(page).hover();
  await page.mouse.wheel(0, px);
  await settled(page);
}

/** Until the list lies still: measured, loaded, painted. */
async function settled(page: Page): Promise<void> {
  let before = "";
  await vi.waitFor(async () => {
    await painted(page);
    const now = await getFeed(page).evaluate((feed) => `${feed.scrollTop} ${feed.scrollHeight} ${feed.ariaBusy}`);
    const still = now === before && !now.endsWith("true");
    before = now;
    if (!still) throw new Error(`the list still moves: ${now}`);
  });
}

/** The article in the middle of the window, and how far it stands from the window's top. */
async function middle(page: Page): Promise<{ readonly at: string; readonly y: number }> {
  return getFeed(page).evaluate((feed) => {
    const box = feed.getBoundingClientRect();
    const articles = [...feed.querySelectorAll("article[aria-posinset]")];
    const found = articles.find((article) => article.getBoundingClientRect().bottom > box.top + box.height / 2);
    return {
      at: found?.getAttribute("aria-posinset") ?? "",
      y: Math.round((found?.getBoundingClientRect().top ?? 0) - box.top),
    };
  });
}

async function expectSamePlace(page: Page, before: Awaited<ReturnType<typeof middle>>): Promise<void> {
  await vi.waitFor(async () => {
    const now = await middle(page);
    expect(now.at).toBe(before.at);
    expect(Math.abs(now.y - before.y)).toBeLessThanOrEqual(2);
  });
}

const atEnd = (feed: Locator) =>
  feed.evaluate((element) => element.scrollHeight - element.clientHeight - element.scrollTop <= 1);

test("[R27] opens with the newest messages; older ones load on scrolling up, without a jump, up to the first", async () => {
  const page = await openAt(long);
  expect(await atEnd(getFeed(page))).toBe(true);
  expect(await place(page, LONG - 1).count()).toBe(1);
  const jumps = await readUpwards(page);
  expect(jumps).toEqual([]);
  expect(await place(page, 0).count()).toBe(1);
  await page.getByText(/^Started [A-Z]/).waitFor();
  expect(browser.complaints).toEqual([]);
});

/** Scrolls up in steps as a reader does, and reports each time that visible content moved for another reason. */
function readUpwards(page: Page): Promise<string[]> {
  return getFeed(page).evaluate(async (feed) => {
    const STEP = 240;
    const frame = () => new Promise((done) => requestAnimationFrame(done));
    const jumps: string[] = [];
    for (let steps = 0; steps < 4_000; steps++) {
      const box = feed.getBoundingClientRect();
      const seen = [...feed.querySelectorAll<HTMLElement>("[data-row]")].find(
        (row) => row.getBoundingClientRect().bottom > box.top + 2 * STEP,
      );
      const before = seen?.getBoundingClientRect().top ?? 0;
      const step = Math.min(STEP, feed.scrollTop);
      if (step === 0 && feed.ariaBusy !== "true" && /Started [A-Z]/.test(feed.textContent)) return jumps;
      // As a person's scrolling comes: before a frame, not in its midst.
      await new Promise((done) => setTimeout(done));
      feed.scrollTop -= step;
      await frame();
      await frame();
      const moved = (seen?.getBoundingClientRect().top ?? 0) - before - step;
      if (seen?.isConnected === true && Math.abs(moved) > 2) jumps.push(`step ${steps}: ${moved} px`);
    }
    return [...jumps, "never came to the beginning"];
  });
}

test("[R31] returns to the same scroll position from another session, from the board, and after a reload", async () => {
  const page = await openAt(long);
  await scrollBy(page, -9_000);
  await scrollBy(page, -700);
  const before = await middle(page);
  expect(Number(before.at)).toBeLessThan(LONG - 30);

  await page.getByRole("link", { name: /Tea number 1/ }).click();
  await page.waitForURL(`**${getAddress(short)}`);
  await settled(page);
  expect(await atEnd(getFeed(page))).toBe(true);
  await page.goBack();
  await settled(page);
  await expectSamePlace(page, before);

  await page.getByRole("link", { name: "Board" }).first().click();
  await page.waitForURL("**/board");
  await page.getByRole("link", { name: "Chat" }).first().click();
  await settled(page);
  await expectSamePlace(page, before);

  await page.reload();
  await getFeed(page).waitFor();
  await settled(page);
  await expectSamePlace(page, before);
  expect(browser.complaints).toEqual([]);
});

test("[R31] a link to a message opens at it, however old it is, highlights it briefly, and Back returns", async () => {
  const page = await openAt(short);
  // It goes again after a moment: watched for from before it comes.
  const marked = page.locator("[data-target]").waitFor();
  await page.evaluate(
    (to) => {
      history.pushState(null, "", to);
      dispatchEvent(new PopStateEvent("popstate"));
    },
    getAddress(long, "?msg=2"),
  );
  const target = place(page, 2);
  await target.waitFor();
  await vi.waitFor(() => expect(target.isVisible()).resolves.toBe(true));
  const [box, feed] = [await target.boundingBox(), await getFeed(page).boundingBox()];
  expect((box?.y ?? 0) - (feed?.y ?? 0)).toBeGreaterThan(0);
  await marked;
  await vi.waitFor(() => expect(page.locator("[data-target]").count()).resolves.toBe(0));
  await page.goBack();
  await page.waitForURL(`**${getAddress(short)}`);
  await place(page, SHORT - 1).waitFor();
});

test("[R27] [R34] keys move between messages and to both ends, and open folded ones", async () => {
  const page = await openAt(long);
  await getFeed(page).focus();
  await page.keyboard.press("Home");
  await place(page, 0).waitFor();
  await vi.waitFor(() => expect(place(page, 0).evaluate((it) => it === document.activeElement)).resolves.toBe(true));
  await page.keyboard.press("PageDown");
  await vi.waitFor(() => expect(place(page, 1).evaluate((it) => it === document.activeElement)).resolves.toBe(true));
  const thought = place(page, 1).getByRole("button", { name: /Thought/ });
  await page.keyboard.press("e");
  await vi.waitFor(() => expect(thought.getAttribute("aria-expanded")).resolves.toBe("true"));
  await page.keyboard.press("e");
  await vi.waitFor(() => expect(thought.getAttribute("aria-expanded")).resolves.toBe("false"));
  await page.keyboard.press("PageUp");
  await vi.waitFor(() => expect(place(page, 0).evaluate((it) => it === document.activeElement)).resolves.toBe(true));
  await page.keyboard.press("End");
  await settled(page);
  expect(await atEnd(getFeed(page))).toBe(true);
  expect(browser.complaints).toEqual([]);
});

test("[R27] follows new messages at the end; a reader further up keeps the position and sees how many are new", async () => {
  const page = await openAt(short);
  const door = await openWorkspaceDelivery(here, project.id, short.sessionId);
  await door.deliver(madeTranscript(short.sessionId, 7, SHORT));
  await place(page, SHORT + 6).waitFor();
  await settled(page);
  expect(await atEnd(getFeed(page))).toBe(true);

  await scrollBy(page, -400);
  const before = await middle(page);
  await door.deliver(madeTranscript(short.sessionId, 12, SHORT + 7));
  await page.getByRole("button", { name: /12 new/ }).waitFor();
  await expectSamePlace(page, before);
  await page.getByRole("button", { name: /Jump to latest/ }).click();
  await settled(page);
  expect(await atEnd(getFeed(page))).toBe(true);
  await door.deliver(madeTranscript(short.sessionId, 1, SHORT + 19));
  await place(page, SHORT + 19).waitFor();
  await settled(page);
  expect(await atEnd(getFeed(page))).toBe(true);
  expect(browser.complaints).toEqual([]);
});

test("[R27] a step opens on click, with its diff and output in colour, side by side on request", async () => {
  const page = await openAt(long, "?msg=25");
  const edit = place(page, 23)
    .getByRole("button", { name: /Edit src\/cups/ })
    .first();
  await edit.waitFor();
  await settled(page);
  const before = await edit.boundingBox();
  const change = page.getByRole("group", { name: /Change of src\/cups/ }).first();
  await change.locator(".hljs-keyword").first().waitFor();
  await edit.click();
  await vi.waitFor(() => expect(edit.getAttribute("aria-expanded")).resolves.toBe("false"));
  await edit.click();
  await change.waitFor();
  await settled(page);
  expect(Math.abs(((await edit.boundingBox())?.y ?? 0) - (before?.y ?? 0))).toBeLessThanOrEqual(2);
  await page.getByRole("button", { name: "Show side by side" }).first().click();
  await page.getByRole("button", { name: "Show unified" }).first().waitFor();
  expect(await change.innerText()).toContain("slowly: true");
  expect(browser.complaints).toEqual([]);
});

test("[R27] the whole session can be downloaded as plain text", async () => {
  const page = await openAt(long);
  await page.keyboard.press("g");
  await page.keyboard.press("t");
  await page.waitForURL("**/text");
  const text = page.locator("pre").filter({ hasText: "── You" });
  await text.waitFor();
  const lines = (await text.innerText()).split("\n").filter((line) => line.startsWith("── "));
  expect(lines).toHaveLength(LONG);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Text", exact: true }).click();
  expect((await download).suggestedFilename()).toBe(`${long.sessionId}.txt`);
  expect(browser.complaints).toEqual([]);
});
