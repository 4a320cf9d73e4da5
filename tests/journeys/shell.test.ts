import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { launchBrowser, type PersonsBrowser, parsePlace } from "../harness/browser.ts";
import { type Installation, removeDirectory, startInstallation } from "../harness/installation.ts";
import { makeRepository } from "../harness/repository.ts";

let here: Installation;
let browser: PersonsBrowser;
let repository: string;

beforeAll(async () => {
  here = await startInstallation();
  repository = makeRepository(join(here.dataDir, "repository"));
  browser = await launchBrowser({ url: here.pageUrl });
  await browser.signIn(here.signInUrl);
});

afterEach(() => expect(browser.complaints).toEqual([]));

afterAll(async () => {
  await browser.close();
  await here.stop();
  await removeDirectory(here.dataDir);
});

test("[R26] [R33] first use: create a project, run the suggested task with one click, go back; an archived project can be restored", async () => {
  const page = await browser.open("/");
  await page.getByLabel("Name").fill("Tea house");
  await page.getByRole("textbox", { name: "Repository" }).fill(repository);
  await page.keyboard.press("Enter");

  await page.getByRole("button", { name: "Fill in a first task" }).click();
  const composer = page.getByRole("textbox", { name: "Describe a task" });
  await composer.and(page.locator(":focus")).waitFor();
  await page.keyboard.press("Control+Enter");
  await page.getByRole("article", { name: "Outcome" }).waitFor();
  const address = page.url();
  expect(address).toMatch(/\/p\/prj_\w+\/s\/ses_\w+$/);

  await page.keyboard.press("Escape");
  await page.getByRole("link", { name: "Board" }).click();
  await page.waitForURL(/\/board/);
  await page.reload();
  await page.getByRole("link", { name: "Chat" }).click();
  await page.waitForURL(address);
  await page.goBack();
  await page.waitForURL(/\/board/);

  await page.goto(`${here.pageUrl}/p/${parsePlace(address).project}/settings`);
  expect(await page.getByRole("link", { name: "Chat" }).getAttribute("aria-current")).toBeNull();
  await page.getByRole("button", { name: "Archive project" }).click();
  await page.getByRole("button", { name: "Restore project" }).waitFor();
  await page.getByRole("link", { name: "Samovar" }).click();
  await page.getByRole("button", { name: "Show archived (1)" }).click();
  await page.getByRole("button", { name: "Restore Tea house" }).click();
  await page.getByRole("link", { name: /Tea house/ }).click();
  await page.getByRole("feed").waitFor();
});

test("[R26] the palette opens from a text field and finds sessions on the server, and the page behind it receives no keys", async () => {
  const { project, sessions } = await seeded("Palette", ["Boil the water", "Warm the pot", "Polish the samovar"]);
  const page = await browser.open(`/p/${project}/s/${sessions[0]}`);
  await page.getByRole("textbox", { name: "Describe a task" }).focus();
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Find anything" });
  await palette.waitFor();
  await page.keyboard.press("Alt+ArrowDown");
  await page.keyboard.press("Control+\\");
  const answered = page.waitForResponse((response) => response.url().includes("q=polish+sam"));
  await page.keyboard.type("polish sam");
  await answered;
  await palette.getByRole("option", { name: /Polish the samovar Draft/ }).waitFor();
  expect(page.url()).toContain(sessions[0]);
  await page.keyboard.press("Enter");
  await page.waitForURL(new RegExp(`${sessions[2]}`));
  await palette.waitFor({ state: "detached" });
  expect(await page.getByRole("complementary", { name: "Sessions" }).isVisible()).toBe(true);

  await page.getByRole("button", { name: /: menu$/ }).click();
  await page.getByRole("menu").waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await page.keyboard.press("Escape");
  await page.getByRole("menu").waitFor({ state: "detached" });
  expect(page.url()).toContain(sessions[2]);
});

test("[R26] on a phone the sessions are in a drawer that keeps the focus and returns it", async () => {
  const { project, sessions } = await seeded("Phone", ["Boil the water", "Warm the pot"]);
  const page = await browser.open(`/p/${project}/s/${sessions[0]}`, { width: 390, height: 844 });
  const opener = page.getByRole("button", { name: "Sessions" });
  await opener.click();
  const drawer = page.getByRole("dialog", { name: "Sessions" });
  await drawer.getByRole("link", { name: /Warm the pot/ }).waitFor();
  for (let presses = 0; presses < 12; presses += 1) {
    await page.keyboard.press("Tab");
    // Past its last place the focus may be on the browser's own bar, where the document's body counts.
    expect(await page.evaluate("document.activeElement.matches('dialog *, dialog, body')")).toBe(true);
  }
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  await opener.and(page.locator(":focus")).waitFor();

  await opener.click();
  await drawer.getByRole("link", { name: /Warm the pot/ }).click();
  await page.waitForURL(new RegExp(`${sessions[1]}`));
  await drawer.waitFor({ state: "detached" });
  expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
});

test("[R26] [R34] the tab shows what is running; a custom agent is added, edited and kept; a credential is checked", async () => {
  const { project } = await seeded("Tab", []);
  const page = await browser.open(`/p/${project}`);
  await page.getByRole("textbox", { name: "Describe a task" }).fill("Wait\n\n```wait 20m\n```");
  await page.keyboard.press("Control+Enter");
  await vi.waitFor(async () => expect(await page.title()).toBe("● · Wait · Samovar"));
  await page.getByRole("button", { name: "Cancel" }).first().click();
  await vi.waitFor(async () => expect(await page.title()).toBe("Wait · Samovar"));

  await page.goto(`${here.pageUrl}/settings/agents`);
  await page.getByRole("button", { name: "Add agent" }).click();
  await page.getByLabel("Short name").fill("mine");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("My own");
  await page.getByLabel("Program").fill("/opt/mine/agent");
  await page.getByLabel("Arguments").fill("--greeting\ngood morning");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Edit My own" }).click();
  expect(await page.getByLabel("Arguments").inputValue()).toBe("--greeting\ngood morning");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("Still mine");
  await page.getByRole("button", { name: "Save" }).click();
  await page
    .getByRole("article", { name: "Still mine" })
    .getByText("/opt/mine/agent --greeting good morning")
    .waitFor();

  await page.getByRole("link", { name: "Credentials", exact: true }).first().click();
  await page.getByRole("button", { name: "Check Hetzner Cloud" }).click();
  await page.getByText("Hetzner accepts this token").waitFor();
});

/** A project with tasks in its backlog, and their sessions. */
async function seeded(name: string, descriptions: readonly string[]) {
  const { id: project } = await here.api<{ id: string }>("/api/projects", post({ name, repoUrl: repository }));
  const sessions: string[] = [];
  for (const description of descriptions) {
    const task = await here.api<{ sessionId: string }>(
      `/api/projects/${project}/tasks`,
      post({ description, run: false }),
    );
    sessions.push(task.sessionId);
  }
  return { project, sessions };
}

const post = (body: unknown) => ({ method: "POST", body, headers: { "idempotency-key": crypto.randomUUID() } });
