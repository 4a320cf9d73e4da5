/** `samovar search` and `samovar export` against the test's own control plane. */
import { aMessageView, aProjectView, aSessionView, BUILT_AT } from "@samovar/testing";
import { afterEach, expect, it } from "vitest";
import { testSamovar, toPage } from "./context.testing.ts";
import { exportSession } from "./export.ts";
import { search } from "./search.ts";

const project = aProjectView({ name: "Tea" });
const session = aSessionView({ projectId: project.id, messageCount: 3, topic: "Brew" });
const OPTIONS = { project: undefined, role: undefined, best: false, limit: 20 };

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function samovar(...[answers]: Parameters<typeof testSamovar>) {
  const here = await testSamovar({ "GET /api/projects": () => toPage(project), ...answers });
  closing.push(here.close);
  return here;
}

const hit = {
  sessionId: session.id,
  taskId: null,
  topic: "Brew",
  messageId: aMessageView().messageId,
  position: 1,
  role: "assistant",
  kind: "text",
  createdAt: BUILT_AT - 60_000,
  snippet: {
    text: "The \u202ekettle boils",
    highlights: [{ start: 5, end: 11 }],
    isCutBefore: false,
    isCutAfter: true,
  },
};

it("[R47] search prints where each message is and its words, and says when more are to be expected", async () => {
  const path = `GET /api/projects/${project.id}/search`;
  const here = await samovar({ [path]: () => ({ items: [hit], nextCursor: "1.0", complete: false }) });
  const context = here.context();
  expect(await search("kettle bo", { ...OPTIONS, role: "assistant", best: true }, context)).toBe(0);
  const asked = new URL(here.asked.at(-1)?.path ?? "", "http://x").searchParams;
  expect(Object.fromEntries(asked)).toEqual({ q: "kettle bo", role: "assistant", order: "best", limit: "20" });
  const printed = context.terminal.out();
  expect(printed).toContain(`${session.id}  Tea · Brew · assistant · `);
  expect(printed).toContain("  The ⟨U+202E⟩kettle boils…\n");
  expect(context.terminal.notes()).toMatch(/still being indexed[^]*has more matches/);
});

it("[R47] search prints JSON with the positions of the words", async () => {
  const path = `GET /api/projects/${project.id}/search`;
  const here = await samovar({ [path]: () => ({ items: [hit], nextCursor: null, complete: true }) });
  const context = here.context({ json: true });
  await search("kettle", OPTIONS, context);
  expect(JSON.parse(context.terminal.out())).toEqual({
    complete: true,
    items: [{ projectId: project.id, ...hit }],
  });
});

it("[R47] export writes all pages in order, as JSON lines and as Markdown", async () => {
  const stored = [0, 1, 2].map((position) =>
    aMessageView({ sessionId: session.id, position, content: `Say ${position}` }),
  );
  const base = `GET /api/projects/${project.id}/sessions/${session.id}`;
  const here = await samovar({
    [base]: () => session,
    // A page of long messages is shorter than what was asked for.
    [`${base}/messages`]: ({ path }) => {
      const after = Number(new URL(path, "http://x").searchParams.get("after"));
      return { messages: stored.slice(after + 1, after + 3), session };
    },
  });
  const lines = here.context();
  expect(await exportSession(session.id, "jsonl", lines)).toBe(0);
  expect(
    lines.terminal
      .out()
      .trimEnd()
      .split("\n")
      .map((line): unknown => JSON.parse(line)),
  ).toEqual(stored);
  const markdown = here.context();
  await exportSession(session.id, "md", markdown);
  expect(markdown.terminal.out()).toMatch(/^# Brew\n[^]*Say 0\n[^]*Say 1\n[^]*Say 2\n$/);
});
