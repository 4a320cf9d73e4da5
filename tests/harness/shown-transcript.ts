/** Reads a transcript on the page by scrolling from its first row to its last, since only visible rows exist. */
import type { Page } from "playwright-core";
import { painted } from "./browser.ts";

const STEP_PX = 300;

/** The texts of all articles with this name, in order. */
export async function shownArticles(page: Page, name: string): Promise<string[]> {
  const found = new Map<number, string>();
  const feed = page.getByRole("feed");
  const scrollTo = (top: number) =>
    feed.evaluate((element, to) => element.scrollTo({ top: to, behavior: "instant" }), top);
  for (let top = 0; ; top += STEP_PX) {
    await scrollTo(top);
    await painted(page);
    for (const article of await feed.getByRole("article", { name, exact: true }).all()) {
      const place = Number(await article.getAttribute("aria-posinset"));
      found.set(place, await article.innerText());
    }
    const { height, seen } = await feed.evaluate((element) => ({
      height: element.scrollHeight,
      seen: element.scrollTop + element.clientHeight,
    }));
    if (top >= height || seen >= height - 1) break;
  }
  return [...found].toSorted(([a], [b]) => a - b).map(([, text]) => text);
}

/** Only words and numbers, because markdown changes the characters between them. */
export const getWords = (text: string): string[] => text.match(/[\p{L}\p{N}]+/gu) ?? [];
