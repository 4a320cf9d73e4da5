import { join } from "node:path";
import { messageView } from "@samovar/contracts";
import { type Browser, type Page, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod";
import { type Installation, removeDirectory, startInstallation } from "../harness/installation.ts";
import { makeRepository } from "../harness/repository.ts";

let here: Installation;
let browser: Browser;
const complaints: string[] = [];

beforeAll(async () => {
  here = await startInstallation();
  browser = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--no-first-run",
    ],
  });
});

afterAll(async () => {
  await browser.close();
  await here.stop();
  await removeDirectory(here.dataDir);
});

test("[R11] [R27] from the sign-in link to a task: words appear while the agent streams, a reload in the middle loses nothing", async () => {
  const repository = makeRepository(join(here.dataDir, "repository"));
  const page = await openPage();
  await page.goto(here.signInUrl);
  await page.getByLabel(/name/i).first().fill("Tea house");
  await page
    .getByLabel(/repository/i)
    .first()
    .fill(repository);
  await page
    .getByRole("button", { name: /create|add/i })
    .first()
    .click();

  const composer = page.getByRole("textbox", { name: /task|message|describe/i });
  await composer.fill("Stream a long answer\n\n```stream 1500\n```\n\n```say\nThe very last words.\n```\n");
  await page.getByRole("button", { name: /run now/i }).click();

  const transcript = page.getByRole("feed");
  const words = async () => (await transcript.innerText()).split(/\s+/).length;
  await vi.waitFor(async () => expect(await words()).toBeGreaterThan(150), { timeout: 60_000, interval: 20 });
  const early = await words();
  await vi.waitFor(async () => expect(await words()).toBeGreaterThan(early), { timeout: 30_000, interval: 20 });
  await page.reload();
  await page.getByRole("paragraph").filter({ hasText: "The very last words." }).waitFor({ timeout: 90_000 });

  await page.getByRole("article", { name: "Outcome" }).waitFor();
  const said = (await storedMessages(page.url())).filter((message) => message.role === "assistant");
  expect(said.map((message) => wordsOf(message.content).length)).toContain(1500);
  expect((await shownArticles(page, "Agent")).map(wordsOf)).toEqual(said.map((message) => wordsOf(message.content)));
  expect(complaints).toEqual([]);
});

const wordsOf = (text: string) => text.match(/[\p{L}\p{N}]+/gu) ?? [];

/** The texts of all articles of this name, in order of their place; the list shows only those near the window. */
async function shownArticles(page: Page, name: string): Promise<string[]> {
  const found = new Map<number, string>();
  const feed = page.getByRole("feed");
  const height = await feed.evaluate((element) => element.scrollHeight);
  for (let top = 0; top <= height; top += 300) {
    await feed.evaluate((element, to) => element.scrollTo({ top: to, behavior: "instant" }), top);
    await page.evaluate("new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))");
    for (const article of await page.getByRole("article", { name, exact: true }).all()) {
      const place = Number(await article.getAttribute("aria-posinset"));
      found.set(place, await article.innerText());
    }
  }
  return [...found].toSorted(([a], [b]) => a - b).map(([, text]) => text);
}

async function openPage(): Promise<Page> {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return page;
}

async function storedMessages(url: string) {
  const [, project, session] = /\/p\/([^/]+)\/s\/([^/?#]+)/.exec(url) ?? [];
  const body = await here.api(`/api/projects/${project}/sessions/${session}/messages?limit=200`);
  return z.object({ messages: z.array(messageView) }).parse(body).messages;
}
