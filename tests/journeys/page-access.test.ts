/** axe on every page and state, light and dark, wide and on a phone; the console stays empty throughout. */
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { seriousFaults } from "../harness/axe.ts";
import type { OpenOptions } from "../harness/browser.ts";
import { enter, FIRST_SCENES, makeScenery, OUTSIDE_SCENES, type Scene, type Scenery } from "../harness/scenery.ts";
import { type Stage, startStage } from "../harness/stage.ts";

let stage: Stage;
let scenery: Scenery;
const firstFaults: string[] = [];

const PHONE: OpenOptions = { width: 390, height: 844, phone: true };
const LOOKS = [
  { look: "light", options: {} },
  { look: "dark", options: { dark: true } },
  { look: "light on a phone", options: PHONE },
  { look: "dark on a phone", options: { ...PHONE, dark: true } },
] as const;

beforeAll(async () => {
  stage = await startStage();
  for (const { look, options } of LOOKS) firstFaults.push(...(await faultsOf(OUTSIDE_SCENES, look, options)));
  // What nobody may read is answered 401, which Chromium tells in its console.
  stage.browser.forgive(/status of 40[01]/);
  await stage.browser.signIn(stage.here.signInUrl);
  for (const { look, options } of LOOKS) firstFaults.push(...(await faultsOf(FIRST_SCENES, look, options)));
  scenery = await makeScenery(stage);
});
afterAll(() => stage.stop());

test("[R34] nothing serious before the first project, and for those who are not signed in", () => {
  expect(firstFaults).toEqual([]);
});

test.each(LOOKS)("[R34] nothing serious on any page in $look", async ({ look, options }) => {
  expect(await faultsOf(scenery.scenes, look, options)).toEqual([]);
  // A place that does not exist is asked for on purpose.
  stage.browser.forgive(/status of 404/);
  expect(stage.browser.complaints).toEqual([]);
});

test("[R34] nothing serious offline", async () => {
  const page = await stage.browser.open(scenery.live);
  await page.getByRole("feed").getByRole("article").first().waitFor();
  await page.context().setOffline(true);
  stage.proxy.cutAll();
  await page.getByText(/^Offline\. Showing/).waitFor();
  expect(await seriousFaults(page)).toEqual([]);
});

async function faultsOf(scenes: readonly Scene[], look: string, options: OpenOptions): Promise<string[]> {
  const faults: string[] = [];
  for (const scene of scenes) {
    const page: Page = await stage.browser.open(scene.path, options);
    await enter(page, scene);
    for (const fault of await seriousFaults(page)) faults.push(`${scene.name}, ${look}: ${fault}`);
    await page.context().close();
  }
  return faults;
}
