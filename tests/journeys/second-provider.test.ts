/** A DigitalOcean token on the page and in the CLI: stored, checked, and what it lacks is named [R18]. */
import {
  type ScriptedDigitalOcean,
  scriptedDigitalOcean,
} from "@samovar/providers/digitalocean/scripted-digitalocean.testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Stage, startStage } from "../harness/stage.ts";

const TOKEN = "dop_v1_token-of-the-journey";
let cloud: ScriptedDigitalOcean;
let stage: Stage;
let page: Page;

beforeAll(async () => {
  cloud = await scriptedDigitalOcean(TOKEN);
  stage = await startStage({ DIGITALOCEAN_API_URL: cloud.url, MY_TOKEN: TOKEN, WRONG_TOKEN: `${TOKEN}-not` });
  await stage.browser.signIn(stage.here.signInUrl);
  page = await stage.browser.open("/settings/credentials");
});
afterAll(async () => {
  await stage.stop();
  await cloud.close();
});

const check = () => page.getByRole("button", { name: "Check DigitalOcean" }).click();
const set = (variable: string) => stage.here.samovar(["credentials", "set", "digitalocean", "--from-env", variable]);

test("[R18] the page takes a token, says which scopes it lacks, and that a complete one is accepted", async () => {
  await page.getByRole("button", { name: "Add DigitalOcean" }).click();
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  cloud.missingScopes = ["droplet:create", "firewall:update"];
  await check();
  await page.getByText("DigitalOcean accepts this token, but it lacks: droplet:create, firewall:update.").waitFor();
  cloud.missingScopes = [];
  await check();
  await page.getByText("DigitalOcean accepts this token, and it has all permissions that nodes need.").waitFor();
  expect([cloud.droplets.size, cloud.firewalls.size, cloud.tags.size]).toEqual([0, 0, 0]);
});

test("[R18] [S1] the CLI says the same, with exit code 1 where the token does not do, and never shows it", async () => {
  expect(await set("MY_TOKEN")).toMatchObject({ code: 0 });
  expect(await stage.here.samovar(["credentials", "check", "digitalocean"])).toMatchObject({ code: 0 });
  cloud.missingScopes = ["tag:create"];
  expect(await stage.here.samovar(["credentials", "check", "digitalocean"])).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("it lacks: tag:create"),
  });
  expect(await set("WRONG_TOKEN")).toMatchObject({ code: 0 });
  const refused = await stage.here.samovar(["credentials", "check", "digitalocean"]);
  expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining("DigitalOcean refuses it") });
  expect(JSON.stringify(refused)).not.toContain(TOKEN);
});

test("this computer's cloud stays the one that new nodes use", async () => {
  const sizes = await stage.here.api("/api/sizes");
  expect(JSON.stringify(sizes)).toContain("local2");
});
