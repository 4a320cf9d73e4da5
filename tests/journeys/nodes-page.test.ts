import { join } from "node:path";
import { projectView } from "@samovar/contracts";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Installation, removeDirectory, startInstallation } from "../harness/installation.ts";
import { makeRepository } from "../harness/repository.ts";

let here: Installation;
let browser: Browser;

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

test("[R33] the nodes page: a machine with its task, what destroying it would interrupt, and the day's picture after it", async () => {
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (line) => ["error", "warning"].includes(line.type()) && complaints.push(line.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(here.signInUrl);
  await page.getByLabel(/name/i).first().waitFor();
  const post = (path: string, data: object) =>
    page.request.post(new URL(`/api${path}`, page.url()).href, {
      data,
      headers: { origin: new URL(page.url()).origin },
    });
  const made = await post("/projects", {
    name: "Tea house",
    repoUrl: makeRepository(join(here.dataDir, "repository")),
  });
  const project = projectView.parse(await made.json());

  await page.goto(new URL("/nodes", page.url()).href);
  await page.getByText("No machine is there now").waitFor();
  // Longer than anybody looks; destroying the machine ends it.
  const description = "Stream about tea for long\n\n```say\nThe kettle is on.\n```\n\n```sh\nsleep 170\n```\n";
  expect((await post(`/projects/${project.id}/tasks`, { description, run: true })).status()).toBe(202);
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "Stream about tea for long" }) });
  await row.filter({ hasText: "Working" }).waitFor({ timeout: 120_000 });

  await row.getByRole("button", { name: /^Drain / }).click();
  const dialog = page.getByRole("dialog");
  expect(await dialog.innerText()).toContain("Nothing is interrupted");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toMatch(/^Drain /);

  await row.getByRole("button", { name: /^Destroy / }).click();
  await dialog.getByRole("listitem").filter({ hasText: "Stream about tea for long" }).waitFor();
  await dialog.getByRole("button", { name: "Destroy it now" }).press("Enter");
  await page.getByRole("cell", { name: "Destroying" }).waitFor();
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label")))
    .toMatch(/^Actions for /);

  await page.getByRole("heading", { name: "Last 24 hours" }).waitFor({ timeout: 120_000 });
  const hours = page.getByRole("table", { name: /most machines in each hour/ }).getByRole("row");
  expect(await hours.count()).toBeGreaterThan(1);
  expect(complaints).toEqual([]);
});
