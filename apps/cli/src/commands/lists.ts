/** `samovar sessions` and `nodes`: lists, as a table or as JSON. */
import type { ApiClient } from "@samovar/client/api-client";
import type { ProjectView } from "@samovar/contracts";
import { requireSamovar } from "../client/connect.ts";
import { findProjects } from "../client/find.ts";
import { toSafeLine } from "../output/safe-text.ts";
import { formatTable } from "../output/table.ts";
import { formatAge, formatDuration } from "../output/units.ts";
import { type CommandContext, printJson } from "./context.ts";

const TITLE_CHARS = 70;

export async function listSessions(project: string | undefined, context: CommandContext): Promise<number> {
  const { terminal, clock } = context;
  const found = await listFromProjects(context, project, (client, { id }) => client.sessions(id));
  const sessions = found.toSorted((a, b) => b.item.startedAt - a.item.startedAt);
  if (context.json)
    printJson(
      terminal,
      sessions.map(({ item }) => item),
    );
  else {
    const rows = sessions.map(({ item, project }) => [
      item.id,
      item.status,
      String(item.messageCount),
      formatAge(clock.now() - (item.lastMessageAt ?? item.startedAt)),
      toSafeLine(project.name, 24),
      toSafeLine(item.topic ?? "–", TITLE_CHARS),
    ]);
    const head = ["session", "status", "messages", "last", "project", "topic"];
    terminal.line(formatTable(head, rows, "There are no sessions yet.", terminal.style));
  }
  return 0;
}

export async function listNodes(context: CommandContext): Promise<number> {
  const { terminal, clock } = context;
  const nodes = await (await requireSamovar(context)).nodes();
  if (context.json) printJson(terminal, nodes);
  else {
    const rows = nodes.map((node) => [
      node.id,
      node.unreachableSince === null
        ? node.state
        : `${node.state}, unreachable for ${formatDuration(clock.now() - node.unreachableSince)}`,
      node.size,
      `${node.taken}/${node.slots}`,
      String(node.outbox.pending),
      node.warmUntil === null ? "–" : formatDuration(node.warmUntil - clock.now()),
      formatAge(clock.now() - node.createdAt),
    ]);
    const head = ["node", "state", "size", "slots", "unsent", "warm for", "created"];
    terminal.line(formatTable(head, rows, "There are no nodes.", terminal.style));
  }
  return 0;
}

async function listFromProjects<T>(
  context: CommandContext,
  name: string | undefined,
  read: (client: ApiClient, project: ProjectView) => Promise<T[]>,
): Promise<{ item: T; project: ProjectView }[]> {
  const client = await requireSamovar(context);
  const projects = await findProjects(client, name);
  const lists = await Promise.all(
    projects.map(async (project) => (await read(client, project)).map((item) => ({ item, project }))),
  );
  return lists.flat();
}
