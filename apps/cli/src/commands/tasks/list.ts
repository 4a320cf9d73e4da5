/** `samovar tasks`: lists tasks, newest first. */
import type { TaskView } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { findProjects } from "../../client/find.ts";
import { labelPriority } from "../../output/priority.ts";
import { toSafeLine } from "../../output/safe-text.ts";
import { formatTable } from "../../output/table.ts";
import { formatAge } from "../../output/units.ts";
import { labelWaiting } from "../../output/waiting.ts";
import { type CommandContext, printJson } from "../context.ts";

const TITLE_CHARS = 70;

export async function listTasks(name: string | undefined, context: CommandContext): Promise<number> {
  const { terminal, clock } = context;
  const client = await requireSamovar(context);
  const lists = await Promise.all(
    (await findProjects(client, name)).map(async (project) =>
      (await client.tasks(project.id)).map((task) => ({ task, project })),
    ),
  );
  const found = lists.flat().toSorted((a, b) => b.task.createdAt - a.task.createdAt);
  if (context.json) {
    printJson(
      terminal,
      found.map(({ task }) => task),
    );
    return 0;
  }
  const rows = found.map(({ task, project }) => [
    task.id,
    labelStatus(task),
    task.priority === 0 ? "–" : labelPriority(task.priority),
    task.agent ?? "–",
    formatAge(clock.now() - task.createdAt),
    toSafeLine(project.name, 24),
    toSafeLine(task.title, TITLE_CHARS),
  ]);
  const head = ["task", "status", "priority", "agent", "created", "project", "title"];
  terminal.line(formatTable(head, rows, 'There are no tasks yet. Run one: samovar run "what to do"', terminal.style));
  return 0;
}

function labelStatus({ status, waiting, cancelRequested }: TaskView): string {
  if (waiting !== null) return `${status}, ${labelWaiting(waiting)}`;
  const isStopping = cancelRequested && status !== "cancelled" && status !== "failed" && status !== "completed";
  return isStopping ? `${status.replace("_", " ")}, being cancelled` : status.replace("_", " ");
}
