/**
 * Chromium as a person's browser. Records console errors and requests to other hosts; a journey must end without any.
 */
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import { getCoreShare } from "@samovar/testing";

type StorageState = Awaited<ReturnType<BrowserContext["storageState"]>>;

export interface BrowserOptions {
  /** The installation's address. */
  readonly url: string;
  /** Requests to `url` are sent here: a proxy that is invisible to the page. */
  readonly through?: string;
}

export interface OpenOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
  /** Emulates touch and a phone's viewport. */
  readonly phone?: boolean;
  readonly reducedMotion?: boolean;
}

export interface PersonsBrowser {
  /** Everything that went wrong on any page so far, one line each. */
  readonly complaints: readonly string[];
  readonly chromium: Browser;
  /** Redeems the link, so that every page opened later is signed in. */
  signIn(link: string): Promise<void>;
  /** Opens a page in a new window. */
  open(path: string, options?: OpenOptions): Promise<Page>;
  /** Removes complaints that a test caused on purpose; returns how many there were. */
  forgive(wanted: RegExp): number;
  close(): Promise<void>;
}

/** On an idle machine; a wait ends as soon as its condition holds. */
const TIMEOUT_MS = 30_000;

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
  // Otherwise Chromium rounds heap sizes.
  "--enable-precise-memory-info",
];

export async function launchBrowser({ url, through }: BrowserOptions): Promise<PersonsBrowser> {
  const origin = new URL(url);
  const rule = through === undefined ? [] : [`--host-resolver-rules=MAP ${origin.host} ${new URL(through).host}`];
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [...FLAGS, ...rule] });
  const complaints: string[] = [];
  let state: StorageState | undefined;

  const newPage = async (options: OpenOptions): Promise<Page> => {
    const { width = 1440, height = 900, dark = false, phone = false, reducedMotion = false } = options;
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme: dark ? "dark" : "light",
      reducedMotion: reducedMotion ? "reduce" : "no-preference",
      permissions: ["clipboard-read", "clipboard-write"],
      ...(phone ? { hasTouch: true, isMobile: true } : {}),
      ...(state === undefined ? {} : { storageState: state }),
    });
    context.setDefaultTimeout(TIMEOUT_MS / getCoreShare());
    context.on("page", (page) => watch(page, origin, complaints));
    return context.newPage();
  };
  return {
    complaints,
    chromium: browser,
    async signIn(link) {
      const page = await newPage({});
      await page.goto(link);
      await page.getByRole("heading", { name: "Projects", level: 1 }).waitFor();
      state = await page.context().storageState();
      await page.context().close();
    },
    async open(path, options = {}) {
      const page = await newPage(options);
      await page.goto(new URL(path, url).href);
      return page;
    },
    forgive(wanted) {
      const kept = complaints.filter((line) => !wanted.test(line));
      return complaints.splice(0, complaints.length, ...kept).length - kept.length;
    },
    close: () => browser.close(),
  };
}

function watch(page: Page, origin: URL, complaints: string[]): void {
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => note(request.url()));
  page.on("websocket", (socket) => note(socket.url()));
  const note = (asked: string) => {
    const { protocol, host } = new URL(asked);
    if (host !== origin.host && !["data:", "blob:"].includes(protocol)) complaints.push(`another host: ${asked}`);
  };
}

/** Resolves after two frames, when all pending changes are painted. */
export function painted(page: Page): Promise<unknown> {
  return page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))");
}

/** The project and the session in a page's address. */
export function parsePlace(url: string): { readonly project: string; readonly session: string } {
  const [, project = "", session = ""] = /\/p\/([^/?#]+)(?:\/s\/([^/?#]+))?/.exec(url) ?? [];
  return { project, session };
}
