/** axe on every page and state, light and dark, wide and on a phone; the console stays empty throughout. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { seriousFaults } from "../harness/axe.ts";
import { type OpenOptions, painted } from "../harness/browser.ts";
import { enter, FIRST_SCENES, makeScenery, OUTSIDE_SCENES, type Scene, type Scenery } from "../harness/scenery.ts";
import type { Page } from "playwright-core";
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

const PHONE = { width: 390, height: 844 };
const WINDOWS: readonly Window[] = [
  { window: "a wide window, light and dark", options: {}, themes: ["light", "dark"] },
  // Colours and elements are the same there: the ordinary run only makes the wide window as narrow, and looks at the width.
  ...(isLong ? [{ window: "a phone's window", options: { ...PHONE, phone: true }, themes: ["dark"] } as const] : []),
];

beforeAll(async () => {
  stage = await startStage();
  for (const { options, themes } of WINDOWS) firstFaults.push(...(await findFaults(OUTSIDE_SCENES, options, themes)));
  // Requests without a session are answered with 401, which Chromium logs to its console.
  stage.browser.forgive(/status of 40[01]/);
  await stage.browser.signIn(stage.here.signInUrl);
  for (const { options, themes } of WINDOWS) firstFaults.push(...(await findFaults(FIRST_SCENES, options, themes)));
  scenery = await makeScenery(stage);
});
afterAll(() => stage.stop());

test("[R34] has no serious accessibility fault before the first project, or when signed out", () => {
  expect(firstFaults).toEqual([]);
});

test.each(WINDOWS)(
  "[R34] has no serious accessibility fault, and nothing wider than the window, on any page in $window",
  async ({ options, themes }) => {
    expect(await findFaults(scenery.scenes, options, themes)).toEqual([]);
    // A place that does not exist is asked for on purpose.
    stage.browser.forgive(/status of 404/);
    expect(stage.browser.complaints).toEqual([]);
  },
);

test("[R34] has no serious accessibility fault offline", async () => {
  const page = await stage.browser.open(scenery.live);
  await page.getByRole("feed").getByRole("article").first().waitFor();
  await page.context().setOffline(true);
  stage.proxy.cutAll();
  await page.getByText(/^Offline\. Showing/).waitFor();
  expect(await seriousFaults(page)).toEqual([]);
});

async function tooWide(page: Page, { name }: Scene): Promise<string[]> {
  const width = Number(await page.evaluate("document.documentElement.scrollWidth"));
  const room = page.viewportSize()?.width ?? 0;
  return width > room ? [`${name}: ${width} px wide in a window of ${room} px`] : [];
}

async function findFaults(scenes: readonly Scene[], options: OpenOptions, themes: readonly Theme[]): Promise<string[]> {
  const faults: string[] = [];
  const page = await stage.browser.open("/favicon.svg", { ...options, reducedMotion: true });
  for (const scene of scenes) {
    await enter(page, stage.here.pageUrl, scene);
    faults.push(...(await tooWide(page, scene)));
    for (const [nth, colorScheme] of themes.entries()) {
      await page.emulateMedia({ colorScheme });
      await painted(page);
      for (const fault of await seriousFaults(page, nth === 0 ? "everything" : "colours"))
        faults.push(`${scene.name}, ${colorScheme}: ${fault}`);
    }
    const before = page.viewportSize();
    await page.setViewportSize(PHONE);
    await painted(page);
    faults.push(...(await tooWide(page, scene)));
    if (before !== null) await page.setViewportSize(before);
  }
  await page.context().close();
  return faults;
}
