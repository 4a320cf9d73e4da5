/** `samovar budget`: what models cost, the limits, and the prices. */
import { readFile } from "node:fs/promises";
import type { SamovarClient } from "../client/samovar-client.ts";
import type { PriceTable, SpendingLimit, SpentAmount } from "@samovar/contracts";
import { NO_LIMIT, putPrices } from "@samovar/contracts";
import { formatCount } from "@samovar/domain/budget";
import { formatPriceLines, readPriceLines } from "@samovar/domain/price-lines";
import { explainSpent, formatLimit, formatSpent } from "@samovar/domain/spending-text";
import { requireSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import { findProjects, findTask } from "../client/find.ts";
import { Facts } from "../output/facts.ts";
import { toSafeLine } from "../output/safe-text.ts";
import { formatTable } from "../output/table.ts";
import { type CommandContext, printJson } from "./context.ts";

export async function showBudget(name: string | undefined, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  return name === undefined ? showInstallation(client, context) : showProject(client, name, context);
}

async function showInstallation(client: SamovarClient, { terminal, json }: CommandContext): Promise<number> {
  const budget = await client.budget();
  if (json) {
    printJson(terminal, budget);
    return 0;
  }
  const facts = new Facts(terminal.style);
  facts.add("today", describe(budget.today));
  facts.add("this month", describe(budget.month));
  facts.add("each task", formatLimit(budget.limits.task));
  facts.add("each day", formatLimit(budget.limits.day));
  const rows = budget.projects.map(({ name, today, month }) => [
    formatSpent(today) || "–",
    formatSpent(month) || "–",
    toSafeLine(name, 40),
  ]);
  const table = formatTable(["today", "month", "project"], rows, "", terminal.style);
  terminal.line([`Models, ${budget.day} (UTC)`, ...facts.lines, ...(table === "" ? [] : ["", table])].join("\n"));
  return 0;
}

async function showProject(client: SamovarClient, name: string, { terminal, json }: CommandContext): Promise<number> {
  const project = await requireProject(client, name);
  const budget = await client.projectBudget(project.id);
  if (json) {
    printJson(terminal, budget);
    return 0;
  }
  const facts = new Facts(terminal.style);
  facts.add("today", describe(budget.today));
  facts.add("this month", describe(budget.month));
  const { task, day } = budget.limits;
  facts.add("each task", task === null ? `${formatLimit(budget.installation.task)}, as everywhere` : formatLimit(task));
  facts.add("each day", formatLimit(day));
  facts.add("all, a day", formatLimit(budget.installation.day));
  terminal.line([`Models of ${toSafeLine(project.name, 80)}, ${budget.day} (UTC)`, ...facts.lines].join("\n"));
  return 0;
}

function describe(spent: SpentAmount): string {
  const tokens = spent.tokens === 0 ? "" : ` (${formatCount(spent.tokens)} tokens)`;
  const note = explainSpent(spent);
  return `${formatSpent(spent) || "nothing"}${tokens}${note === "" ? "" : `\n${note}`}`;
}

/** Undefined leaves a number as it is, null removes it. */
export interface LimitChange {
  readonly costMicros: number | null | undefined;
  readonly tokens: number | null | undefined;
}

const isNamed = ({ costMicros, tokens }: LimitChange): boolean => costMicros !== undefined || tokens !== undefined;

const apply = (limit: SpendingLimit, { costMicros, tokens }: LimitChange): SpendingLimit => ({
  costMicros: costMicros === undefined ? limit.costMicros : costMicros,
  tokens: tokens === undefined ? limit.tokens : tokens,
});

export async function setLimits(
  name: string | undefined,
  change: { readonly task: LimitChange; readonly day: LimitChange },
  context: CommandContext,
): Promise<number> {
  if (!isNamed(change.task) && !isNamed(change.day))
    throw new CliError("Nothing to change.", "Example: samovar budget set --task 2.50 --day 20");
  const client = await requireSamovar(context);
  if (name === undefined) {
    const { limits } = await client.budget();
    await client.putBudget({ task: apply(limits.task, change.task), day: apply(limits.day, change.day) });
    return showInstallation(client, context);
  }
  const project = await requireProject(client, name);
  const { limits } = await client.projectBudget(project.id);
  const task = isNamed(change.task) ? apply(limits.task ?? NO_LIMIT, change.task) : limits.task;
  await client.putProjectBudget(project.id, { task, day: apply(limits.day, change.day) });
  return showProject(client, project.id, context);
}

async function requireProject(client: SamovarClient, name: string) {
  const [only, other] = await findProjects(client, name);
  if (only !== undefined && other === undefined) return only;
  throw new CliError(`Several projects are named ${name}.`, "Give the project's id.");
}

export async function setTaskLimit(text: string, change: LimitChange, context: CommandContext): Promise<number> {
  if (!isNamed(change)) throw new CliError("Nothing to change.", "Example: samovar budget task TASK --usd 5");
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  const limit = apply(task.budget ?? task.spending?.limit ?? NO_LIMIT, change);
  const changed = await client.patchTask(project.id, task.id, { budget: limit });
  if (context.json) printJson(context.terminal, changed);
  else context.terminal.line(`${task.id}: ${formatLimit(limit)}.`);
  return 0;
}

export interface PriceOptions {
  readonly file: string | undefined;
  readonly asOf: string | undefined;
  readonly reset: boolean;
}

export async function prices({ file, asOf, reset }: PriceOptions, context: CommandContext): Promise<number> {
  if (reset && file !== undefined)
    throw new CliError("Use either --set or --reset.", "See: samovar budget prices --help");
  const client = await requireSamovar(context);
  if (reset) return print(await client.resetPrices(), context);
  if (file === undefined) return print(await client.prices(), context);
  const text = file === "-" ? await context.readStdin() : await readPriceFile(file);
  const lines = readPriceLines(text);
  if (!lines.ok) throw new CliError(lines.error, "See the present lines with: samovar budget prices");
  const wanted = putPrices.safeParse({
    prices: lines.value,
    asOf: asOf ?? new Date(context.clock.now()).toISOString().slice(0, 10),
  });
  if (!wanted.success)
    throw new CliError(
      `The prices are not valid: ${wanted.error.issues[0]?.message ?? "unknown"}.`,
      "See the present lines with: samovar budget prices",
    );
  return print(await client.putPrices(wanted.data), context);
}

async function readPriceFile(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    throw new CliError(`${file} could not be read.`, "Give the path of a file with a line for each model.");
  }
}

/** The lines can be saved, edited and set again. */
function print(table: PriceTable, { terminal, json }: CommandContext): number {
  if (json) {
    printJson(terminal, table);
    return 0;
  }
  const whose = table.changedAt === null ? "Samovar's own" : "changed here";
  terminal.note(`USD per million tokens, as of ${table.asOf} (${whose}): input, output, cache read, cache write.`);
  terminal.line(formatPriceLines(table.prices));
  return 0;
}
