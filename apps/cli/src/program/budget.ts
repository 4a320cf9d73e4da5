/** Commands about spending on models: what was spent, the limits, the prices. */
import type { Command } from "commander";
import type { BindCommand, SharedOptions } from "./bind-command.ts";
import { parseDollars, parseTokenCount } from "./parsers.ts";

const loadBudget = () => import("../commands/budget.ts");

/** Null removes the limit. */
interface LimitFlags extends SharedOptions {
  readonly project?: string;
  readonly task?: number | null;
  readonly taskTokens?: number | null;
  readonly day?: number | null;
  readonly dayTokens?: number | null;
}

export function registerBudget(root: Command, bind: BindCommand): void {
  const budget = root.command("budget").description("show what models cost and the limits; set them");
  const show = budget
    .command("show", { isDefault: true })
    .description("show what was spent today and this month, and the limits")
    .option("--project <name>", "only this project");
  bind<SharedOptions & { project?: string }>(show, async (context, _args, { project }) =>
    (await loadBudget()).showBudget(project, context),
  );

  const set = budget
    .command("set")
    .description("set limits; those that are not named stay; none removes one")
    .option("--project <name>", "the limits of this project instead of those of the installation")
    .option("--task <usd>", "limit of each task, such as 2.50 or none", parseDollars)
    .option("--task-tokens <count>", "the same in tokens, such as 2M or none", parseTokenCount)
    .option("--day <usd>", "limit of all tasks together, each UTC day", parseDollars)
    .option("--day-tokens <count>", "the same in tokens", parseTokenCount);
  bind<LimitFlags>(set, async (context, _args, { project, task, taskTokens, day, dayTokens }) =>
    (await loadBudget()).setLimits(
      project,
      { task: { costMicros: task, tokens: taskTokens }, day: { costMicros: day, tokens: dayTokens } },
      context,
    ),
  );

  const one = budget
    .command("task")
    .description("change the limit of one task, also after it has reached it; none removes it")
    .argument("<task>")
    .option("--usd <amount>", "such as 2.50 or none", parseDollars)
    .option("--tokens <count>", "such as 2M or none", parseTokenCount);
  bind<SharedOptions & { usd?: number | null; tokens?: number | null }>(
    one,
    async (context, [id = ""], { usd, tokens }) =>
      (await loadBudget()).setTaskLimit(id, { costMicros: usd, tokens }, context),
  );

  const prices = budget
    .command("prices")
    .description("show the prices of models, in USD per million tokens: input, output, cache read, cache write")
    .option("--set <file>", "replace them by the lines of a file; - reads standard input")
    .option("--as-of <date>", "the day on which the new prices are true (default: today)")
    .option("--reset", "restore Samovar's own prices");
  bind<SharedOptions & { set?: string; asOf?: string; reset?: true }>(
    prices,
    async (context, _args, { set: file, asOf, reset = false }) =>
      (await loadBudget()).prices({ file, asOf, reset }, context),
  );
}
