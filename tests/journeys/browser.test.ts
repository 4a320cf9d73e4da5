import { type IncomingHttpHeaders, createServer } from "node:http";
import { join } from "node:path";
import { messageView } from "@samovar/contracts";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import * as z from "zod";
import { parsePlace } from "../harness/browser.ts";
import { makeRepository } from "../harness/repository.ts";
import { say, script, stream } from "../harness/scripts.ts";
import { shownArticles, getWords } from "../harness/shown-transcript.ts";
import { type Stage, startStage } from "../harness/stage.ts";

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.stop());

test("[R11] [R27] [S1] after sign-in, words appear while the agent streams, a reload halfway loses nothing, and a server on another port gets no cookie", async () => {
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
  expect(said.map((message) => getWords(message.content).length)).toContain(1500);
  expect((await shownArticles(page, "Agent")).map(getWords)).toEqual(said.map((message) => getWords(message.content)));
  expect(stage.browser.complaints).toEqual([]);

  // An agent can run a server on another port, and put a link to it into its transcript.
  const { url, requests, close } = await startNeighbour();
  await page.goto(url);
  await close();
  expect(requests.map(({ cookie }) => cookie)).toEqual([undefined]);
  expect(await page.context().cookies(stage.here.pageUrl)).toHaveLength(1);
});

/** A server on another port of this computer, and the headers that it received. */
async function startNeighbour() {
  const requests: IncomingHttpHeaders[] = [];
  const server = createServer(({ headers, url: path }, response) => {
    if (path === "/") requests.push(headers);
    response.end("tea");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/`;
  return { url, requests, close: () => new Promise((resolve) => server.close(resolve)) };
}

async function storedMessages(url: string) {
  const { project, session } = parsePlace(url);
  const body = await stage.here.api(`/api/projects/${project}/sessions/${session}/messages?limit=200`);
  return z.object({ messages: z.array(messageView) }).parse(body).messages;
}
