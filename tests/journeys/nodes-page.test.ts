import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectFocus } from "../harness/keys.ts";
import { makeRepository } from "../harness/repository.ts";
import { hang, say, script } from "../harness/scripts.ts";
import { type Stage, startStage } from "../harness/stage.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

test("[R33] the nodes page shows a node with its task, what destroying it would interrupt, and the day's chart afterwards", async () => {
  const project = await stage.person.makeProject(makeRepository(join(stage.here.dataDir, "repository")));
  await stage.browser.signIn(stage.here.signInUrl);
  const page = await stage.browser.open("/nodes");
  await page.getByText("No nodes are running").waitFor();
  // Longer than anybody looks; destroying the machine ends it.
  const description = script("Stream about tea for long", say("The kettle is on."), hang());
  await stage.person.submit(project, { description, run: true });
  const row = page.getByRole("row").filter({ has: page.getByRole("link", { name: "Stream about tea for long" }) });
  await row.filter({ hasText: "Working" }).waitFor();

  await row.getByRole("button", { name: /^Drain / }).click();
  const dialog = page.getByRole("dialog");
  expect(await dialog.innerText()).toContain("Nothing is interrupted");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await expectFocus(row.getByRole("button", { name: /^Drain / }));

  await row.getByRole("button", { name: /^Destroy / }).click();
  await dialog.getByRole("listitem").filter({ hasText: "Stream about tea for long" }).waitFor();
  // Gone again when the machine is: watched for from before they come.
  const seen = [
    page.getByRole("cell", { name: "Destroying" }).waitFor(),
    page
      .getByRole("group", { name: /^Actions for / })
      .and(page.locator(":focus"))
      .waitFor({ state: "attached" }),
  ];
  await dialog.getByRole("button", { name: "Destroy now" }).press("Enter");
  await Promise.all(seen);

  await page.getByRole("heading", { name: "Last 24 hours" }).waitFor();
  const hours = page.getByRole("table", { name: /most nodes in each hour/ }).getByRole("row");
  expect(await hours.count()).toBeGreaterThan(1);
  expect(stage.browser.complaints).toEqual([]);
});
