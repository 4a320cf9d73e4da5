/** A word of a session that still runs is found by the palette and by the CLI, and the palette jumps to its message. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageView, searchPage } from "@samovar/contracts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { madeMessage, madeTranscript } from "../harness/made-transcript.ts";
import { makeRepository } from "../harness/repository.ts";
import { hang, say, script } from "../harness/scripts.ts";
import { type Stage, startStage } from "../harness/stage.ts";
import { openWorkspaceDelivery } from "../harness/workspace-delivery.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
  await stage.browser.signIn(stage.here.signInUrl);
});
afterAll(() => stage.stop());

test("[R47] a word that a running agent said is found by the palette, which jumps to its message; the session can be exported", async () => {
  const tea = await stage.person.makeProject(makeRepository(join(stage.here.dataDir, "repository")), "Tea");
  const description = script("Talk", say("The secret word is zanzibar."), hang());
  const submitted = await stage.person.submit(tea, { description, run: true });
  const task = await stage.person.until(submitted, ({ status }) => status === "in_progress");
  const find = async (words: string) =>
    searchPage.parse(await stage.here.api(`/api/projects/${tea.id}/search?role=assistant&q=${words}`));
  await vi.waitFor(async () => expect((await find("zanzibar")).items).toHaveLength(1));
  const [hit] = (await find("zanz")).items;

  // The word is far above what the page shows, and the newest message still grows.
  const delivery = await openWorkspaceDelivery(stage.here, tea.id, task.sessionId);
  await delivery.deliver(madeTranscript(task.sessionId, 120, 1000));
  const growing = madeMessage(task.sessionId, 5000, new Date().toISOString());
  const body = { mode: "append", offset: 0, text: "Still pouring madagascar" } as const;
  await delivery.deliver([{ ...growing, role: "assistant", kind: "text", toolMetadata: null, body, final: false }]);
  expect((await find("madagascar")).items).toHaveLength(1);

  const page = await stage.browser.open(`/p/${tea.id}/s/${task.sessionId}`);
  await page.getByText("Still pouring madagascar").waitFor();
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Find anything" });
  await palette.waitFor();
  await page.keyboard.type("word is zanz");
  const found = palette.getByRole("option", { name: /The secret word is zanzibar/ }).filter({ hasText: "Agent" });
  await found.waitFor();
  await vi.waitFor(async () => expect(await found.locator("mark").allInnerTexts()).toEqual(["word", "is", "zanzibar"]));
  await found.click();
  await page.waitForURL(`**/s/${task.sessionId}?msg=${hit?.position}`);
  const said = page.getByRole("feed").getByText("The secret word is zanzibar.").last();
  await said.waitFor();
  await vi.waitFor(async () => {
    const box = await said.boundingBox();
    expect(box?.y).toBeGreaterThan(0);
    expect(box?.y).toBeLessThan(page.viewportSize()?.height ?? 0);
  });

  await page.goto(new URL(`/p/${tea.id}/s/${task.sessionId}/text`, stage.here.pageUrl).href);
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "JSON lines" }).click();
  const file = await readFile(await (await download).path(), "utf8");
  const lines = file
    .trimEnd()
    .split("\n")
    .map((line) => messageView.parse(JSON.parse(line)));
  expect(lines.map(({ position }) => position)).toEqual(lines.map((_, index) => index));
  expect(lines.at(-1)).toMatchObject({ content: "Still pouring madagascar", final: false });
  expect(stage.browser.complaints).toEqual([]);
  await stage.person.act(task, "cancel");
});
