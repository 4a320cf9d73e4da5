import { join } from "node:path";
import { messageView } from "@samovar/contracts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod";
import { placeOf } from "../harness/browser.ts";
import { makeRepository } from "../harness/repository.ts";
import { say, script, stream } from "../harness/scripts.ts";
import { shownArticles, wordsOf } from "../harness/shown-transcript.ts";
import { type Stage, startStage } from "../harness/stage.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

test("[R11] [R27] from the sign-in link to a task: words appear while the agent streams, a reload in the middle loses nothing", async () => {
  const page = await stage.browser.open(stage.here.signInUrl);
  await page.getByLabel("Name").fill("Tea house");
  await page.getByRole("textbox", { name: "Repository" }).fill(makeRepository(join(stage.here.dataDir, "repository")));
  await page.getByRole("button", { name: "Create project" }).click();

  const composer = page.getByRole("textbox", { name: "Describe a task" });
  await composer.fill(script("Stream a long answer", stream(1500), say("The very last words.")));
  await page.getByRole("button", { name: "Run now" }).click();

  const transcript = page.getByRole("feed");
  const words = async () => (await transcript.innerText()).split(/\s+/).length;
  await vi.waitFor(async () => expect(await words()).toBeGreaterThan(150));
  const early = await words();
  await vi.waitFor(async () => expect(await words()).toBeGreaterThan(early));
  await page.reload();
  await page.getByRole("paragraph").filter({ hasText: "The very last words." }).waitFor();

  await page.getByRole("article", { name: "Outcome" }).waitFor();
  const said = (await storedMessages(page.url())).filter((message) => message.role === "assistant");
  expect(said.map((message) => wordsOf(message.content).length)).toContain(1500);
  expect((await shownArticles(page, "Agent")).map(wordsOf)).toEqual(said.map((message) => wordsOf(message.content)));
  expect(stage.browser.complaints).toEqual([]);
});

async function storedMessages(url: string) {
  const { project, session } = placeOf(url);
  const body = await stage.here.api(`/api/projects/${project}/sessions/${session}/messages?limit=200`);
  return z.object({ messages: z.array(messageView) }).parse(body).messages;
}
