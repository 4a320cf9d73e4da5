/** An installation in which every state of the page is to be seen at once, and the way to each of them. */
import { join } from "node:path";
import type { ProjectView, TaskView } from "@samovar/contracts";
import type { Page } from "playwright-core";
import { painted } from "./browser.ts";
import { fillProject } from "./long-project.ts";
import { makeRepository } from "./repository.ts";
import { hang, say, script, sh, write } from "./scripts.ts";
import type { Stage } from "./stage.ts";

export interface Scene {
  readonly name: string;
  readonly path: string;
  /** What to do there until it is to be seen. */
  readonly act?: (page: Page) => Promise<void>;
}

const step = (head: string, body: string) => `\`\`\`${head}\n${body}\n\`\`\`\n`;

/** What is to be seen before there is anything. */
export const FIRST_SCENES: readonly Scene[] = [
  { name: "first-use", path: "/" },
  { name: "nodes-none", path: "/nodes" },
];

/** What is to be seen by those who are not signed in. */
export const OUTSIDE_SCENES: readonly Scene[] = [
  { name: "signed-out", path: "/" },
  { name: "sign-in", path: "/sign-in" },
  { name: "sign-in-used-up", path: "/sign-in#used" },
];

const FILES = {
  "README.md": "# Tea house\n",
  "check.sh": `printf '\\033[32m✓\\033[0m boils water (4 ms)\\n\\033[32m✓\\033[0m refuses none (1 ms)\\n\\033[33m-\\033[0m cools slowly\\n'\n`,
  "src/kettle.ts": `export function boil(litres: number): number {\n  return litres * 4;\n}\n\nexport function cool(minutes: number): number {\n  return 100 - minutes * 3;\n}\n`,
};

const KETTLE = `export function boil(litres: number): number {\n  if (litres <= 0) throw new RangeError("no water");\n  return litres * 4;\n}\n\nexport function cool(minutes: number): number {\n  return Math.max(20, 100 - minutes * 3);\n}\n`;

const ANSWER = `## What I found\n\nThe kettle **boils without water**: \`boil\` never looked at its argument. I added the check, and a floor for \`cool\`:\n\n\`\`\`ts\nif (litres <= 0) throw new RangeError("no water");\n\`\`\`\n\n| case | before | now |\n|---|---|---|\n| no water | 0 | refused |\n| an hour later | −80° | 20° |\n\n1. The tests cover both.\n2. Nothing else calls \`boil\`.`;

const MORE = `Both cases hold now. Forty guests need **two kettles and three pots**, so I looked at how long the second kettle waits for the first: it never has to. While the water warms I am writing down how much tea each pot takes:\n\n- green, 12 g\n- black, 15 g\n- the good one from the tin on the upper shelf, which nobody is to mention`;

const WORK = [
  step("think", "The kettle first. The tests say that it boils without water, which no kettle should."),
  step("plan", "- [ ] Look at the kettle\n- [ ] Refuse to boil nothing\n- [ ] Keep tea warm\n- [ ] Run the tests"),
  sh("cat src/kettle.ts"),
  write("src/kettle.ts", KETTLE.trimEnd()),
  say(ANSWER.replaceAll("```", "~~~")),
];

export interface Scenery {
  readonly scenes: readonly Scene[];
  /** The live session goes offline: to be seen last, with `context.setOffline`. */
  readonly live: string;
  readonly long: string;
}

/** Takes a minute: real tasks run, fail and wait. */
export async function makeScenery({ person, here }: Stage): Promise<Scenery> {
  const repository = makeRepository(join(here.dataDir, "tea-house"), FILES);
  const tea = await person.makeProject(repository, "Tea house");
  const empty = await person.makeProject(repository, "Coffee bar");
  const old = await person.makeProject(repository, "Herb garden");
  const [long] = await fillProject(here, old, [400]);
  const run = (text: string, more: object = {}) => person.submit(tea, { description: text, run: true, ...more });

  const done = await run(script("Teach the kettle to refuse", ...WORK, sh("sh check.sh")));
  const failed = await run(
    script("Descale the samovar", ...WORK.slice(0, 4), sh("echo 'no vinegar left' >&2; exit 3")),
  );
  await person.ended(tea, [done, failed]);
  const live = await run(script("Brew tea for forty guests", ...WORK, sh("sh check.sh"), say(MORE), hang()), {
    priority: 2,
  });
  await person.until(live, ({ status }) => status === "in_progress");
  const waiting = await run(script("Serve the guests", say("Served.")), { dependsOn: [live.id], priority: 1 });
  const drafts = await backlog(tea, (text, priority) => person.submit(tea, { description: text, priority }));
  for (const draft of drafts.slice(0, 2))
    await person.ask(`/api/projects/${tea.id}/tasks/${draft.id}`, { method: "PATCH", body: { status: "ready" } });
  const workspace = (await person.workspaces()).find(({ taskId }) => taskId === failed.id);
  const board = `/p/${tea.id}/board`;
  return {
    live: toPath(live),
    long: long === undefined ? "" : toPath(long),
    scenes: [
      { name: "projects", path: "/" },
      { name: "project-first-task", path: `/p/${empty.id}` },
      { name: "board-empty", path: `/p/${empty.id}/board` },
      { name: "project-settings", path: `/p/${tea.id}/settings` },
      { name: "chat-live", path: toPath(live), act: feed },
      { name: "chat-completed", path: toPath(done), act: feed },
      { name: "chat-changes", path: `${toPath(done)}?panel=changes`, act: changes },
      { name: "chat-steps", path: toPath(done), act: openSteps },
      { name: "chat-failed", path: toPath(failed), act: feed },
      { name: "chat-waiting", path: toPath(waiting), act: feed },
      { name: "chat-draft", path: drafts[2] === undefined ? "/" : toPath(drafts[2]), act: feed },
      { name: "chat-options", path: `/p/${tea.id}/new`, act: options },
      { name: "chat-text", path: `${toPath(done)}/text` },
      { name: "chat-long", path: long === undefined ? "/" : toPath(long), act: feed },
      { name: "board", path: board, act: cards },
      { name: "board-filtered", path: `${board}?filter=samovar`, act: cards },
      { name: "board-menu", path: board, act: cardMenu },
      { name: "workspace", path: `/p/${tea.id}/w/${workspace?.id ?? ""}`, act: looked },
      {
        name: "nodes",
        path: "/nodes",
        act: (page) =>
          page
            .getByText(/active|warm/i)
            .first()
            .waitFor(),
      },
      { name: "settings-agents", path: "/settings/agents" },
      { name: "settings-credentials", path: "/settings/credentials" },
      { name: "settings-budget", path: "/settings/budget" },
      { name: "settings-access", path: "/settings/access" },
      { name: "settings-audit-log", path: "/settings/audit-log" },
      { name: "settings-appearance", path: "/settings/appearance" },
      { name: "settings-about", path: "/settings/about" },
      { name: "palette", path: toPath(done), act: palette },
      { name: "help", path: toPath(done), act: help },
      { name: "not-found", path: "/nowhere" },
    ],
  };
}

const toPath = (task: TaskView) => `/p/${task.projectId}/s/${task.sessionId}`;

async function backlog(
  project: ProjectView,
  save: (text: string, priority: number) => Promise<TaskView>,
): Promise<TaskView[]> {
  const texts = [
    ["Polish the samovar until guests can see themselves in it", 1],
    ["Count the cups", 0],
    ["Order lemons, and find out why there are never enough of them on a Sunday afternoon in winter", 3],
    ["Write down how long each tea steeps", 4],
    ["Mend the third tap", 2],
  ] as const;
  const saved: TaskView[] = [];
  for (const [text, priority] of texts) saved.push(await save(`${text}\n\nIn ${project.name}.`, priority));
  return saved;
}

/** Opens the scene at the installation's address and does what it needs. */
export async function enter(page: Page, url: string, { path, act }: Scene): Promise<void> {
  // Between two scenes that differ in the part behind # only, nothing would be loaded.
  await page.goto("about:blank");
  await page.goto(new URL(path, url).href);
  // A busy machine may be quiet on the network before the page is there.
  await page.locator("#root main").waitFor();
  await act?.(page);
  await page.waitForLoadState("networkidle");
  await painted(page);
}

const feed = async (page: Page) => {
  await page.getByRole("feed").getByRole("article").first().waitFor();
};

const openSteps = async (page: Page) => {
  await feed(page);
  const edit = page.getByRole("button", { name: /Write src\/kettle.ts/ });
  await edit.click();
  await page.getByText("Loading…").waitFor({ state: "detached" });
  await edit.evaluate((element) => element.scrollIntoView({ block: "center", behavior: "instant" }));
};

const changes = async (page: Page) => {
  await page.getByText("src/kettle.ts").first().waitFor();
};

const options = async (page: Page) => {
  await page.getByRole("button", { name: /^Advanced/ }).click();
  await page.getByText("Base branch").waitFor();
};

const cards = (page: Page) => page.locator("[data-card]").first().waitFor();

const cardMenu = async (page: Page) => {
  await page.getByRole("button", { name: /^Actions for Polish/ }).click();
  await page.getByRole("menu").waitFor();
};

const looked = async (page: Page) => {
  await page.getByRole("region", { name: "Changed files" }).waitFor();
};

const palette = async (page: Page) => {
  await feed(page);
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").getByRole("combobox").fill("te");
};

const help = async (page: Page) => {
  await feed(page);
  await page.keyboard.press("?");
  await page.getByRole("dialog").waitFor();
};
