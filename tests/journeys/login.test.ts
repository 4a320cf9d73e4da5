/** A command line signs in to a Samovar as if it were on another machine: only its address is known. */
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seriousFaults } from "../harness/axe.ts";
import { launchBrowser, type PersonsBrowser } from "../harness/browser.ts";
import {
  followSamovar,
  type Installation,
  parseTask,
  removeDirectory,
  samovar,
  startInstallation,
} from "../harness/installation.ts";
import { makeRepository } from "../harness/repository.ts";
import { say, script } from "../harness/scripts.ts";

let here: Installation;
let browser: PersonsBrowser;
let env: Record<string, string>;

beforeAll(async () => {
  here = await startInstallation();
  browser = await launchBrowser({ url: here.pageUrl });
  await browser.signIn(here.signInUrl);
  env = { XDG_CONFIG_HOME: join(here.dataDir, "config") };
});

afterAll(async () => {
  await browser.close();
  await here.stop();
  await removeDirectory(here.dataDir);
});

test("[R52] [security 12] a command line signs in with a code that a person approves on the page, runs a task, and is signed out", async () => {
  const login = followSamovar(["login", here.url, "--name", "tea", "--json"], env);
  const asked = await login.until((line) => line["event"] === "approve");
  const address = new URL(String(asked["verificationUrl"]));
  const page = await browser.open(address.pathname + address.search, { phone: true, width: 390, height: 844 });
  await page.getByText(String(asked["userCode"])).waitFor();
  await page.getByText(/asks to act as you/).waitFor();
  expect(await seriousFaults(page)).toEqual([]);
  await page.getByRole("button", { name: "Approve" }).press("Enter");
  await page.getByText(/is signed in\. You can close this page/).waitFor();
  expect(await login.until((line) => line["event"] === "signed_in")).toMatchObject({ name: "tea", url: here.url });
  expect((await login.finished).code).toBe(0);

  const repository = makeRepository(join(here.dataDir, "repository"));
  const ran = await samovar(["run", "--json", "--repo", repository, script("Pour the tea", say("Poured."))], env);
  expect(ran).toMatchObject({ code: 0 });
  expect(parseTask(ran)).toMatchObject({ status: "completed" });
  const made = await samovar(["tokens", "create", "--name", "ci", "--context", "tea"], env);
  const ci = { SAMOVAR_URL: here.url, SAMOVAR_TOKEN: made.stdout.trim() };
  expect(JSON.parse((await samovar(["tasks", "--json"], ci)).stdout)).toMatchObject([{ id: parseTask(ran).id }]);

  expect(await samovar(["context", "remove", "tea"], env)).toMatchObject({
    code: 0,
    stdout: "Removed tea and revoked its token.\n",
  });
  const revoked = await samovar(["tasks"], { ...ci, SAMOVAR_TOKEN: "smv_unknown" });
  expect(revoked).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Set SAMOVAR_TOKEN to a valid token."),
  });
  expect(browser.complaints).toEqual([]);
});

test("the page says so when no command line waits with a code, and takes another", async () => {
  const page = await browser.open("/connect?code=BCDF-GHJK");
  await page.getByText("No command line is waiting with this code.").waitFor();
  await page.getByRole("button", { name: "Enter another code" }).click();
  await page.getByLabel("Code").fill("nonsense");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("A code has eight letters, such as BCDF-GHJK.").waitFor();
  browser.forgive(/404/);
  expect(browser.complaints).toEqual([]);
});
