/** Commands about tasks: run, show, edit, cancel, retry, acknowledge. */
import type { AgentKind, SpendingLimit, VmSize } from "@samovar/contracts";
import type { Command } from "commander";
import type { BindCommand, SharedOptions } from "./bind-command.ts";
import { parseAgent, collectList, parseDollars, parsePriority, parseSize, parseTokenCount } from "./parsers.ts";

const loadChanges = () => import("../commands/tasks/change.ts");

interface TaskOptions extends SharedOptions {
  readonly base?: string;
  readonly agent?: AgentKind;
  readonly size?: VmSize;
  readonly priority?: number;
  readonly model?: string;
  readonly mode?: string;
  readonly budget?: number | null;
  readonly budgetTokens?: number | null;
}

/** A task's own limit; null when none was named. */
const toTaskLimit = ({ budget, budgetTokens }: TaskOptions): SpendingLimit | null =>
  budget === undefined && budgetTokens === undefined
    ? null
    : { costMicros: budget ?? null, tokens: budgetTokens ?? null };

/** The options that `run` and `edit` share. */
function addTaskOptions(command: Command): Command {
  return command
    .option("--base <branch>", "branch to start from")
    .option("--agent <kind>", "agent to use: script, claude, or another one from `samovar agents`", parseAgent)
    .option("--model <id>", "one of the agent's models")
    .option("--mode <id>", "one of the agent's permission modes")
    .option("--size <size>", "small, medium or large", parseSize)
    .option("--priority <priority>", "urgent, high, medium, low or none", parsePriority)
    .option(
      "--budget <usd>",
      "stop the task when its models have cost this much, such as 2.50; none: no limit",
      parseDollars,
    )
    .option("--budget-tokens <count>", "the same in tokens, for models without a price", parseTokenCount);
}

export function registerTasks(root: Command, bind: BindCommand): void {
  registerRun(root, bind);
  const tasks = root.command("tasks").description("list tasks, newest first");
  bind<SharedOptions & { project?: string }>(
    tasks.option("--project <name>", "only tasks of this project"),
    async (context, _args, { project }) => (await import("../commands/tasks/list.ts")).listTasks(project, context),
  );
  bind(
    root.command("task").description("show a task: its status, why it waits, what it produced").argument("<task>"),
    async (context, [id = ""]) => (await import("../commands/tasks/show.ts")).showTask(id, context),
  );
  registerTransitions(root, bind);
  registerEdit(root, bind);
  const bundle = root
    .command("bundle")
    .description("save commits that a task could not push, as a git bundle")
    .argument("<task>")
    .option("-o, --output <file>", "file to write (default: named after the branch); - for standard output");
  bind<SharedOptions & { output?: string }>(bundle, async (context, [id = ""], { output }) =>
    (await import("../commands/tasks/bundle.ts")).saveBundle(id, output, context),
  );
}

interface RunFlags extends TaskOptions {
  readonly repo?: string;
  readonly project?: string;
  readonly dependsOn?: readonly string[];
  readonly backlog?: boolean;
  readonly follow: boolean;
}

function registerRun(root: Command, bind: BindCommand): void {
  const command = root
    .command("run")
    .description("run a task and follow it; exit code 0: completed, 1: failed, 2: did not run, 3: cancelled")
    .argument("<text>", "what to do; - reads it from standard input")
    .option("--repo <path|url>", "repository (default: the one of the current directory)")
    .option("--project <name>", "project; created if it does not exist")
    .option("--depends-on <task>", "task that must be completed first; repeatable", collectList)
    .option("--backlog", "store the task without running it")
    .option("--no-follow", "return at once and let the task run");
  bind<RunFlags>(addTaskOptions(command), async (context, [text = ""], { backlog = false, ...flags }) => {
    const { run } = await import("../commands/tasks/run.ts");
    return run(text, { ...flags, backlog, budget: toTaskLimit(flags) }, context);
  });
}

function registerTransitions(root: Command, bind: BindCommand): void {
  const addFollowing = (name: string, about: string) =>
    root
      .command(name)
      .description(about)
      .argument("<task>")
      .option("--no-follow", "return at once and let the task run");
  bind<SharedOptions & { follow: boolean }>(
    addFollowing("start", "run a task from the backlog and follow it"),
    async (context, [id = ""], { follow }) => (await loadChanges()).startTask(id, follow, context),
  );
  bind<SharedOptions & { follow: boolean }>(
    addFollowing("retry", "retry a failed or cancelled task and follow it"),
    async (context, [id = ""], { follow }) => (await loadChanges()).retryTask(id, follow, context),
  );
  bind(
    root.command("cancel").description("cancel a task; its workspace is retained").argument("<task>"),
    async (context, [id = ""]) => (await loadChanges()).cancelTask(id, context),
  );
  bind<SharedOptions & { undo?: true }>(
    root
      .command("acknowledge")
      .description("acknowledge a failed task, so that it no longer counts as needing attention")
      .argument("<task>")
      .option("--undo", "undo the acknowledgement"),
    async (context, [id = ""], { undo }) => (await loadChanges()).acknowledgeTask(id, undo !== true, context),
  );
}

interface EditFlags extends TaskOptions {
  readonly title?: string;
  /** False removes all dependencies. */
  readonly dependsOn?: readonly string[] | false;
}

function registerEdit(root: Command, bind: BindCommand): void {
  const command = root
    .command("edit")
    .description("edit a task that is not running yet")
    .argument("<task>")
    .option("--title <text>", "new title")
    .option(
      "--depends-on <task>",
      "task that must be completed first; repeatable; replaces all earlier dependencies",
      collectList,
    )
    .option("--no-depends-on", "remove all dependencies");
  bind<EditFlags>(addTaskOptions(command), async (context, [id = ""], flags) => {
    const { title, priority, agent, model, mode, size, base, dependsOn } = flags;
    const budget = toTaskLimit(flags) ?? undefined;
    const wanted = { title, priority, agent, model, permissionMode: mode, vmSize: size, baseBranch: base, budget };
    const changes = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
    const after = dependsOn === undefined ? null : dependsOn === false ? [] : dependsOn;
    return (await loadChanges()).editTask(id, { changes, dependsOn: after }, context);
  });
}
