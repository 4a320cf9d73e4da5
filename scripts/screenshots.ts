/**
 * Takes pictures of every page and state, light and dark, at three widths, of a new installation.
 *
 * `npm run screenshots -- [directory] [scene …]`; the default directory is dist/screenshots.
 */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type OpenOptions, painted } from "../tests/harness/browser.ts";
import type { Page } from "playwright-core";
import { enter, FIRST_SCENES, makeScenery, OUTSIDE_SCENES, type Scene } from "../tests/harness/scenery.ts";
import { type Stage, startStage } from "../tests/harness/stage.ts";

const WIDTHS: readonly (OpenOptions & { readonly width: number })[] = [
  { width: 1440, height: 900 },
  { width: 1024, height: 768 },
  { width: 390, height: 844, phone: true },
];

const [given, ...names] = process.argv.slice(2);
const directory = resolve(given ?? join(import.meta.dirname, "../dist/screenshots"));
const wanted = (scene: Scene) => names.length === 0 || names.includes(scene.name);

await mkdir(directory, { recursive: true });
const stage = await startStage();
try {
  await shootAll(OUTSIDE_SCENES);
  await stage.browser.signIn(stage.here.signInUrl);
  await shootAll(FIRST_SCENES);
  const { scenes, live } = await makeScenery(stage);
  await shootAll([...scenes, { name: "chat-offline", path: live, act: goOffline(stage) }]);
} finally {
  await stage.stop();
}

/** One window per width, which reuses what it has fetched. */
async function shootAll(scenes: readonly Scene[]): Promise<void> {
  for (const size of WIDTHS) {
    const page = await stage.browser.open("/favicon.svg", { ...size, reducedMotion: true });
    for (const scene of scenes.filter(wanted)) await shoot(page, scene, size.width);
    await page.context().close();
  }
}

/** Reports a scene that cannot be reached, and goes on with the others. */
async function shoot(page: Page, scene: Scene, width: number): Promise<void> {
  try {
    await enter(page, stage.here.pageUrl, scene);
  } catch (error) {
    console.error(`${scene.name} at ${width}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    await painted(page);
    await page.screenshot({ path: join(directory, `${scene.name}-${width}-${colorScheme}.png`) });
  }
  console.log(`${scene.name} ${width}`);
}

function goOffline({ proxy }: Stage): NonNullable<Scene["act"]> {
  return async (page) => {
    await page.getByRole("feed").getByRole("article").first().waitFor();
    await page.context().setOffline(true);
    proxy.cutAll();
    await page.getByText(/^Offline\. Showing/).waitFor();
  };
}
