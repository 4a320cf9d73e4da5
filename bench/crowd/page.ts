/** A page in Chromium whose person keeps switching between chat and board. */
import { errorMessage } from "@samovar/base";
import type { TaskView } from "@samovar/contracts";
import { launchBrowser, type PersonsBrowser } from "../../tests/harness/browser.ts";
import type { Installation } from "../../tests/harness/installation.ts";
import { switchView } from "../views.ts";

export interface Switches {
  /** From the navigation to the transcript; null when it never appeared. */
  readonly openedMs: number | null;
  readonly toBoardMs: readonly number[];
  readonly toChatMs: readonly number[];
  /** What the page wrote to the console. */
  readonly complaints: readonly string[];
  /** What ended the switching early. */
  readonly fault: string | null;
}

export interface SwitchingPage {
  /** Waits for the switch in progress. */
  stop(): Promise<Switches>;
}

/** A signed-in browser without an open page. */
export async function openBrowser(here: Installation): Promise<PersonsBrowser> {
  const browser = await launchBrowser({ url: here.pageUrl });
  await browser.signIn(here.signInUrl);
  return browser;
}

/** Opens the task's session. The first switch of each direction only warms up. */
export function startSwitching(browser: PersonsBrowser, { projectId, sessionId }: TaskView): SwitchingPage {
  const stopping = new AbortController();
  const switching = switchUntil(browser, `/p/${projectId}/s/${sessionId}`, stopping.signal);
  return {
    stop() {
      stopping.abort();
      return switching;
    },
  };
}

/** Does not throw, so that earlier measurements count. */
async function switchUntil(browser: PersonsBrowser, path: string, stopped: AbortSignal): Promise<Switches> {
  const { complaints } = browser;
  const toBoardMs: number[] = [];
  const toChatMs: number[] = [];
  const startedAt = performance.now();
  let openedMs: number | null = null;
  let fault: string | null = null;
  try {
    const page = await browser.open(path);
    await page.getByRole("feed").getByRole("article").first().waitFor();
    openedMs = performance.now() - startedAt;
    while (!stopped.aborted) {
      toBoardMs.push(await switchView(page, "Board"));
      toChatMs.push(await switchView(page, "Chat"));
    }
  } catch (error) {
    fault = errorMessage(error);
  }
  return { openedMs, toBoardMs: toBoardMs.slice(1), toChatMs: toChatMs.slice(1), complaints, fault };
}
