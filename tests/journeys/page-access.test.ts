/** axe on every page and state, light and dark, wide and on a phone; the console stays empty throughout. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { seriousFaults } from "../harness/axe.ts";
import { type OpenOptions, painted } from "../harness/browser.ts";
import { enter, FIRST_SCENES, makeScenery, OUTSIDE_SCENES, type Scene, type Scenery } from "../harness/scenery.ts";
import { isLong } from "@samovar/testing";
import { type Stage, startStage } from "../harness/stage.ts";

let stage: Stage;
let scenery: Scenery;
const firstFaults: string[] = [];

type Theme = "light" | "dark";
interface Window {
  readonly window: string;
  readonly options: OpenOptions;
  readonly themes: readonly Theme[];
}

const WINDOWS: readonly Window[] = [
  { window: "a wide window, light and dark", options: {}, themes: ["light", "dark"] },
  // The colours are the same ones there, and the elements too: each time only the width is looked at, in the long run all.
  { window: "a phone's window", options: { width: 390, height: 844, phone: true }, themes: isLong ? ["dark"] : [] },
];

beforeAll(async () => {
  stage = await startStage();
  for (const { options, themes } of WINDOWS) firstFaults.push(...(await faultsOf(OUTSIDE_SCENES, options, themes)));
  // What nobody may read is answered 401, which Chromium tells in its console.
  stage.browser.forgive(/status of 40[01]/);
  await stage.browser.signIn(stage.here.signInUrl);
  for (const { options, themes } of WINDOWS) firstFaults.push(...(await faultsOf(FIRST_SCENES, options, themes)));
  scenery = await makeScenery(stage);
});
afterAll(() => stage.stop());

test("[R34] nothing serious before the first project, and for those who are not signed in", () => {
  expect(firstFaults).toEqual([]);
});

test.each(WINDOWS)(
  "[R34] nothing serious, and nothing wider than the window, on any page in $window",
  async ({ options, themes }) => {
    expect(await faultsOf(scenery.scenes, options, themes)).toEqual([]);
    // A place that does not exist is asked for on purpose.
    stage.browser.forgive(/status of 404/);
    expect(stage.browser.complaints).toEqual([]);
  },
);

test("[R34] nothing serious offline", async () => {
  const page = await stage.browser.open(scenery.live);
  await page.getByRole("feed").getByRole("article").first().waitFor();
  await page.context().setOffline(true);
  stage.proxy.cutAll();
  await page.getByText(/^Offline\. Showing/).waitFor();
  expect(await seriousFaults(page)).toEqual([]);
});

async function faultsOf(scenes: readonly Scene[], options: OpenOptions, themes: readonly Theme[]): Promise<string[]> {
  const faults: string[] = [];
  const page = await stage.browser.open("/favicon.svg", { ...options, reducedMotion: true });
  for (const scene of scenes) {
    await enter(page, stage.here.url, scene);
    const width = Number(await page.evaluate("document.documentElement.scrollWidth"));
    if (width > (page.viewportSize()?.width ?? 0)) faults.push(`${scene.name}: ${width} px wide, more than the window`);
    for (const [nth, colorScheme] of themes.entries()) {
      await page.emulateMedia({ colorScheme });
      await painted(page);
      for (const fault of await seriousFaults(page, nth === 0 ? "everything" : "colours"))
        faults.push(`${scene.name}, ${colorScheme}: ${fault}`);
    }
  }
  await page.context().close();
  return faults;
}
