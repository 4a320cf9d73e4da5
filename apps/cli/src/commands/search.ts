/** `samovar search WORDS`: finds messages in one project or in all of them. */
import type { MessageRole, ProjectView, SearchHit } from "@samovar/contracts";
import { requireSamovar } from "../client/connect.ts";
import { findProjects } from "../client/find.ts";
import { toSafeLine, toSafeText } from "../output/safe-text.ts";
import type { Terminal } from "../output/terminal.ts";
import { formatAge } from "../output/units.ts";
import { type CommandContext, printJson } from "./context.ts";

const TOPIC_CHARS = 50;

interface SearchOptions {
  readonly project: string | undefined;
  readonly role: MessageRole | undefined;
  readonly best: boolean;
  /** Of each project. */
  readonly limit: number;
}

export async function search(words: string, options: SearchOptions, context: CommandContext): Promise<number> {
  const { terminal, clock } = context;
  const client = await requireSamovar(context);
  const projects = await findProjects(client, options.project);
  const order = options.best ? "best" : "newest";
  const pages = await Promise.all(
    projects.map(async (project) => ({
      project,
      page: await client.search(project.id, { q: words, role: options.role, order, limit: options.limit }),
    })),
  );
  const hits = pages.flatMap(({ project, page }) => page.items.map((hit) => ({ project, hit })));
  if (order === "newest") hits.sort((a, b) => b.hit.createdAt - a.hit.createdAt);
  if (context.json) {
    const complete = pages.every(({ page }) => page.complete);
    printJson(terminal, { complete, items: hits.map(({ project, hit }) => ({ projectId: project.id, ...hit })) });
    return 0;
  }
  for (const { project, hit } of hits) printHit(terminal, project, hit, clock.now());
  if (hits.length === 0) terminal.line("No messages have these words.");
  for (const { project, page } of pages) {
    if (!page.complete)
      terminal.note(
        `Older messages of ${project.name} are still being indexed: search again in a minute to find more.`,
      );
    if (page.nextCursor !== null)
      terminal.note(`${project.name} has more matches. Add words, --role, or a greater --limit to see them.`);
  }
  return 0;
}

function printHit(terminal: Terminal, project: ProjectView, hit: SearchHit, now: number): void {
  const { style } = terminal;
  const about = [
    toSafeLine(project.name, 24),
    toSafeLine(hit.topic ?? "–", TOPIC_CHARS),
    hit.role,
    formatAge(now - hit.createdAt),
  ];
  terminal.line(`${style.cyan(hit.sessionId)}  ${style.dim(about.join(" · "))}`);
  terminal.line(`  ${formatSnippet(hit, terminal)}`);
}

function formatSnippet({ snippet }: SearchHit, { style }: Terminal): string {
  const { text, highlights, isCutBefore, isCutAfter } = snippet;
  let at = 0;
  const parts: string[] = [isCutBefore ? "…" : ""];
  for (const { start, end } of highlights) {
    parts.push(toSafeText(text.slice(at, start)), style.bold(toSafeText(text.slice(start, end))));
    at = end;
  }
  parts.push(toSafeText(text.slice(at)), isCutAfter ? "…" : "");
  return parts.join("").trim();
}
