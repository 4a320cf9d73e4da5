/** Operates a page by keyboard only. */
import type { Locator, Page } from "playwright-core";
import { expect, vi } from "vitest";

const MAX_TABS = 60;

/** Presses Tab until the wanted element has the focus. Throws when a round through the page does not reach it. */
export async function tabTo(page: Page, wanted: Locator, key: "Tab" | "Shift+Tab" = "Tab"): Promise<void> {
  await wanted.waitFor();
  for (let n = 0; n < MAX_TABS; n++) {
    if (await isFocused(wanted)) return;
    await page.keyboard.press(key);
  }
  throw new Error(`Tab never came to ${wanted.toString()}`);
}

const isFocused = (place: Locator): Promise<boolean> =>
  place.evaluate((element) => element === element.ownerDocument.activeElement);

export const expectFocus = (place: Locator) => vi.waitFor(async () => expect(await isFocused(place)).toBe(true));
