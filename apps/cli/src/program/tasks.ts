/** Commands about tasks: run, seen, changed, cancelled, tried again. */
import type { AgentKind, VmSize } from "@samovar/contracts";
import type { Command } from "commander";
import type { Does, Shared } from "./does.ts";
import { agentOf, listOf, priorityOf, sizeOf } from "./parsers.ts";

const changing = () => import("../commands/tasks/change.ts");

interface Wishes extends Shared {
  readonly base?: string;
  readonly agent?: AgentKind;
  readonly size?: VmSize;
  readonly priority?: number;
  readonly model?: string;
  readonly mode?: string;
}

/** What `run` and `edit` let one wish for. */
function withWishes(command: Command): Command {
  return command
    .option("--base <branch>", "the branch to start from")
    .option("--agent <kind>", "who does it: script, claude, or another that `samovar agents` lists", agentOf)
    .option("--model <id>", "one of the agent's models")
    .option("--mode <id>", "one of the agent's permission modes")
    .option("--size <size>", "small, medium or large", sizeOf)
    .option("--priority <priority>", "urgent, high, medium, low or none", priorityOf);
}

export function registerTasks(root: Command, does: Does): void {
  registerRun(root, does);
  const tasks = root.command("tasks").description("list tasks, the newest first");
  does<Shared & { project?: string }>(
    tasks.option("--project <name>", "only this project's"),
    async (context, _words, { project }) => (await import("../commands/tasks/list.ts")).listTasks(project, context),
  );
  does(
    root.command("task").description("show a task: how it stands, why it waits, what came of it").argument("<task>"),
    async (context, [id = ""]) => (await import("../commands/tasks/show.ts")).showTask(id, context),
  );
  registerDecisions(root, does);
  registerEdit(root, does);
  const bundle = root
    .command("bundle")
    .description("save what a task could not push, as a file that git fetches from")
    .argument("<task>")
    .option("-o, --output <file>", "the file (default: named by the branch); - for standard output");
  does<Shared & { output?: string }>(bundle, async (context, [id = ""], { output }) =>
    (await import("../commands/tasks/bundle.ts")).saveBundle(id, output, context),
  );
}

interface RunFlags extends Wishes {
  readonly repo?: string;
  readonly project?: string;
  readonly dependsOn?: readonly string[];
  readonly backlog?: boolean;
  readonly follow: boolean;
}

function registerRun(root: Command, does: Does): void {
  const command = root
    .command("run")
    .description("run a task and follow it; exit code 0 completed, 1 failed, 3 cancelled, 2 not run at all")
    .argument("<text>", "what to do; - reads it from standard input")
    .option("--repo <path|url>", "the repository (default: the one around the current directory)")
    .option("--project <name>", "the project; made when it is new")
    .option("--depends-on <task>", "a task that must be completed first; may be given again", listOf)
    .option("--backlog", "store it and do not run it yet")
    .option("--no-follow", "come back at once and let it run");
  does<RunFlags>(withWishes(command), async (context, [text = ""], { backlog = false, ...flags }) => {
    const { run } = await import("../commands/tasks/run.ts");
    return run(text, { ...flags, backlog }, context);
  });
}

function registerDecisions(root: Command, does: Does): void {
  const following = (name: string, about: string) =>
    root.command(name).description(about).argument("<task>").option("--no-follow", "come back at once and let it run");
  does<Shared & { follow: boolean }>(
    following("start", "run a task of the backlog and follow it"),
    async (context, [id = ""], { follow }) => (await changing()).startTask(id, follow, context),
  );
  does<Shared & { follow: boolean }>(
    following("retry", "try a failed or cancelled task again and follow it"),
    async (context, [id = ""], { follow }) => (await changing()).retryTask(id, follow, context),
  );
  does(
    root.command("cancel").description("stop a task, wherever it is; its workspace is kept").argument("<task>"),
    async (context, [id = ""]) => (await changing()).cancelTask(id, context),
  );
  does<Shared & { undo?: true }>(
    root
      .command("acknowledge")
      .description("say that a failed task needs nobody any more")
      .argument("<task>")
      .option("--undo", "it needs somebody after all"),
    async (context, [id = ""], { undo }) => (await changing()).acknowledgeTask(id, undo !== true, context),
  );
}

interface EditFlags extends Wishes {
  readonly title?: string;
  /** False: none any more. */
  readonly dependsOn?: readonly string[] | false;
}

function registerEdit(root: Command, does: Does): void {
  const command = root
    .command("edit")
    .description("change a task that does not run yet")
    .argument("<task>")
    .option("--title <text>", "another title")
    .option("--depends-on <task>", "what must be completed first, in place of what it was; may be given again", listOf)
    .option("--no-depends-on", "let it wait for no other task");
  does<EditFlags>(withWishes(command), async (context, [id = ""], flags) => {
    const { title, priority, agent, model, mode, size, base, dependsOn } = flags;
    const wanted = { title, priority, agent, model, permissionMode: mode, vmSize: size, baseBranch: base };
    const changes = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
    const after = dependsOn === undefined ? null : dependsOn === false ? [] : dependsOn;
    return (await changing()).editTask(id, { changes, dependsOn: after }, context);
  });
}
