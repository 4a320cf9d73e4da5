/**
 * The page in Chromium, on a project of 100 sessions: how soon a long transcript appears, whether scrolling stutters,
 * how fast the views switch, how much memory an hour of streaming takes, what is fetched first.
 * `npm run bench -- page [all]`: `all` gives every session 10,000 messages, otherwise only those that are opened.
 */
import { loadavg } from "node:os";
import { join } from "node:path";
import type { ProjectView, TaskView } from "@samovar/contracts";
import type { CDPSession, Page } from "playwright-core";
import { launchBrowser, type PersonsBrowser } from "../tests/harness/browser.ts";
import { type Installation, removeDirectory, startInstallation } from "../tests/harness/installation.ts";
import { fillProject } from "../tests/harness/long-project.ts";
import { Person } from "../tests/harness/person.ts";
import { makeRepository } from "../tests/harness/repository.ts";
import { hang, say, script } from "../tests/harness/scripts.ts";
import { openWorkspaceDelivery } from "../tests/harness/workspace-delivery.ts";
import { sayMinute } from "./fast-forward.ts";
import { initialBytes } from "./initial-bytes.ts";
import { printRows, printTable, spread } from "./table.ts";
import { switchView, type View } from "./views.ts";

const SESSIONS = 100;
const LONG = 10_000;
const SHORT = 100;
/** Messages of the newest sessions, which the page shows first. */
const LOOKED_AT = 3;
const COLD_LOADS = 5;
const SWITCHES = 10;
const SCROLL_FRAMES = 600;
const SCROLL_PX = 24;
const MINUTES = 60;
const WAIT_TIMEOUT_MS = 300_000;
const KIBIBYTE = 1024;

export async function measurePage(args: readonly string[]): Promise<void> {
  const here = await startInstallation();
  try {
    const person = new Person(() => here);
    const project = await person.makeProject(makeRepository(join(here.dataDir, "repository")));
    const tasks = await fill(here, project, args.includes("all"));
    const running = await person.submit(project, {
      description: script("Brew for an hour", say("It begins."), hang()),
      run: true,
    });
    await person.until(running, ({ status }) => status === "in_progress", WAIT_TIMEOUT_MS);
    const browser = await launchBrowser({ url: here.pageUrl });
    try {
      await browser.signIn(here.signInUrl);
      await measure(here, browser, { project, long: tasks.at(-1) ?? running, running });
    } finally {
      await browser.close();
    }
  } finally {
    await here.stop();
    await removeDirectory(here.dataDir);
  }
}

async function fill(here: Installation, project: ProjectView, all: boolean): Promise<TaskView[]> {
  const lengths = Array.from({ length: SESSIONS }, (_, n) => (all || n >= SESSIONS - LOOKED_AT ? LONG : SHORT));
  const startedAt = performance.now();
  const tasks = await fillProject(here, project, lengths);
  const count = lengths.reduce((sum, length) => sum + length, 0);
  const seconds = (performance.now() - startedAt) / 1000;
  console.log(`${count} messages in ${SESSIONS} sessions, stored in ${seconds.toFixed(0)} s`);
  return tasks;
}

interface Seeded {
  readonly project: ProjectView;
  readonly long: TaskView;
  readonly running: TaskView;
}

async function measure(here: Installation, browser: PersonsBrowser, { project, long, running }: Seeded): Promise<void> {
  const path = `/p/${project.id}/s/${long.sessionId}`;
  const cold: number[] = [];
  for (let n = 0; n < COLD_LOADS; n++) cold.push(await coldLoad(browser, path));
  printTable("ms, target < 1000", [spread("cold load → transcript painted", cold)]);

  const page = await openSettled(browser, path);
  const frames = await scroll(page);
  printTable("ms, target none over 50", [spread("a frame while scrolling", frames.ms)]);
  printRows(
    "while scrolling",
    ["frames > 50 ms", "tasks > 50 ms"],
    [
      {
        name: `${SCROLL_FRAMES} frames of ${SCROLL_PX} px`,
        values: [frames.ms.filter((ms) => ms > 50).length, frames.longTasks],
      },
    ],
  );
  const { toBoard, toChat } = await switches(page);
  printTable("ms, target < 100", [spread("chat → board", toBoard), spread("board → chat", toChat)]);
  await page.context().close();

  await streamAnHour(here, browser, project, running);
  const { js, css } = await initialBytes();
  printRows(
    "gzip, target JS < 220 kB",
    ["JS kB", "CSS kB"],
    [{ name: "before the first transcript", values: [js / 1000, css / 1000] }],
    1,
  );
  for (const line of browser.complaints) console.log(`the page complained: ${line}`);
  console.log(`\nload of this machine, 1 min: ${(loadavg()[0] ?? 0).toFixed(1)}`);
}

/** From the navigation to the frame after the first article appears, with nothing cached. */
async function coldLoad(browser: PersonsBrowser, path: string): Promise<number> {
  const page = await browser.open("/favicon.svg");
  await page.addInitScript(`globalThis.painted = new Promise((painted) => {
    const look = () => requestAnimationFrame(() => {
      if (document.querySelector('[role=feed] article') === null) look();
      else requestAnimationFrame(() => painted(performance.now()));
    });
    look();
  });`);
  await page.goto(new URL(path, page.url()).href);
  const at = await page.evaluate<number>("globalThis.painted");
  await page.context().close();
  return at;
}

async function openSettled(browser: PersonsBrowser, path: string): Promise<Page> {
  const page = await browser.open(path);
  await page.getByRole("feed").getByRole("article").first().waitFor();
  await page.waitForLoadState("networkidle");
  return page;
}

interface Frames {
  readonly ms: readonly number[];
  readonly longTasks: number;
}

/** Scrolls up like a reader, while older messages are fetched. */
async function scroll(page: Page): Promise<Frames> {
  return page.evaluate<Frames>(`(async () => {
    const feed = document.querySelector('[role=feed]');
    let longTasks = 0;
    const observer = new PerformanceObserver((list) => { longTasks += list.getEntries().length; });
    observer.observe({ type: 'longtask' });
    const ms = [];
    let before = await new Promise(requestAnimationFrame);
    for (let n = 0; n < ${SCROLL_FRAMES}; n++) {
      feed.scrollTop -= ${SCROLL_PX};
      const now = await new Promise(requestAnimationFrame);
      ms.push(now - before);
      before = now;
    }
    observer.disconnect();
    return { ms, longTasks };
  })()`);
}

/** From the key press to the frame with the other view; the first switch of each direction only warms up. */
async function switches(page: Page): Promise<{ toBoard: number[]; toChat: number[] }> {
  const toBoard: number[] = [];
  const toChat: number[] = [];
  for (let n = 0; n <= SWITCHES; n++) {
    const there = await press(page, "Board");
    const back = await press(page, "Chat");
    if (n === 0) continue;
    toBoard.push(there);
    toChat.push(back);
  }
  return { toBoard, toChat };
}

async function press(page: Page, view: View): Promise<number> {
  const took = await switchView(page, view);
  await page.waitForLoadState("networkidle");
  return took;
}

async function streamAnHour(
  here: Installation,
  browser: PersonsBrowser,
  project: ProjectView,
  task: TaskView,
): Promise<void> {
  const page = await openSettled(browser, `/p/${project.id}/s/${task.sessionId}`);
  const delivery = await openWorkspaceDelivery(here, project.id, task.sessionId);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable");
  const rows = [await usage(devtools, "begin", 0)];
  let said = 0;
  for (let minute = 1; minute <= MINUTES; minute++) {
    said += await sayMinute(delivery, task.sessionId, minute);
    if (minute % 15 !== 0) continue;
    await page.waitForLoadState("networkidle");
    rows.push(await usage(devtools, `minute ${minute}`, said));
  }
  printRows("streaming, target flat", ["heap KiB", "DOM nodes", "listeners", "sent KiB"], rows);
  await page.context().close();
}

/** After garbage collection. */
async function usage(devtools: CDPSession, name: string, said: number) {
  await devtools.send("HeapProfiler.collectGarbage");
  const { metrics } = await devtools.send("Performance.getMetrics");
  const of = (wanted: string) => metrics.find(({ name }) => name === wanted)?.value ?? Number.NaN;
  return { name, values: [of("JSHeapUsedSize") / KIBIBYTE, of("Nodes"), of("JSEventListeners"), said / KIBIBYTE] };
}
