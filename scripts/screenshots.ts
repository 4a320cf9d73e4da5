/**
 * Pictures of every page and state, light and dark, at three widths, from a stack of its own.
 *
 * `npm run screenshots -- [directory] [scene …]`: into dist/screenshots, or a directory that is named.
 */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { OpenOptions } from "../tests/harness/browser.ts";
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

async function shootAll(scenes: readonly Scene[]): Promise<void> {
  for (const scene of scenes.filter(wanted)) {
    for (const size of WIDTHS) for (const dark of [false, true]) await shoot(scene, { ...size, dark });
    console.log(scene.name);
  }
}

/** A scene that cannot be reached is told, and does not keep the others from being shot. */
async function shoot(scene: Scene, options: OpenOptions & { readonly width: number }): Promise<void> {
  const page = await stage.browser.open(scene.path, { ...options, reducedMotion: true });
  try {
    await enter(page, scene);
  } catch (error) {
    console.error(`${scene.name} at ${options.width}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
  const look = options.dark === true ? "dark" : "light";
  await page.screenshot({ path: join(directory, `${scene.name}-${options.width}-${look}.png`) });
  await page.context().close();
}

function goOffline({ proxy }: Stage): NonNullable<Scene["act"]> {
  return async (page) => {
    await page.getByRole("feed").getByRole("article").first().waitFor();
    await page.context().setOffline(true);
    proxy.cutAll();
    await page.getByRole("status").filter({ hasText: "Offline" }).waitFor();
  };
}
