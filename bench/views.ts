/** Switches a page between chat and board, and measures the time. */
import type { Page } from "playwright-core";

const VIEWS = {
  Board: "[data-card]",
  Chat: "[role=feed] article",
} as const;
export type View = keyof typeof VIEWS;

/** A page that does not show the other view by then never will. */
const SWITCH_TIMEOUT_MS = 60_000;

/** Milliseconds from the click to the frame that shows the other view. Throws after a minute. */
export function switchView(page: Page, view: View): Promise<number> {
  return page.evaluate<number>(`new Promise((resolve, reject) => {
    const link = [...document.querySelectorAll('nav a')].find((each) => each.textContent.trim() === '${view}');
    const from = performance.now();
    const look = () => requestAnimationFrame(() => {
      const tookMs = performance.now() - from;
      if (tookMs > ${SWITCH_TIMEOUT_MS}) reject(new Error('${view} was not shown after ${SWITCH_TIMEOUT_MS} ms'));
      else if (document.querySelector('${VIEWS[view]}') === null) look();
      else requestAnimationFrame(() => resolve(performance.now() - from));
    });
    link.click();
    look();
  })`);
}
