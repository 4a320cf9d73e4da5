/** The commands and their options, as the command line and its help have them. */
import { agentKind, type AgentKind, type VmSize, vmSize } from "@samovar/contracts";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { EXIT_UNABLE } from "./client/errors.ts";
import { type CommandContext, processContext } from "./commands/context.ts";
import { dataDirectory } from "./instance.ts";

interface Shared {
  readonly dataDir?: string;
  readonly json?: boolean;
}

/** Resolves with the exit code. Commands are loaded when they are called: most need little. */
export async function program(argv: readonly string[]): Promise<number> {
  let code = 0;
  const root = new Command("samovar")
    .description("Runs coding tasks on machines it looks after.")
    .option("--data-dir <dir>", "the data directory of the Samovar to use (or SAMOVAR_DATA_DIR)")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showHelpAfterError("See: samovar --help");
  /** Registers what a command does; its answer is the exit code. */
  const does = <O extends Shared>(
    command: Command,
    action: (context: CommandContext, words: string[], options: O) => Promise<number>,
  ) =>
    command.option("--json", "print JSON").action(async () => {
      const options = command.optsWithGlobals<O>();
      code = await action(processContext(dataDirectory(options.dataDir), options.json === true), command.args, options);
    });

  registerUp(root, does);
  registerDemo(root, does);
  registerRun(root, does);
  registerLists(root, does);
  registerChecks(root, does);
  try {
    await root.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_UNABLE;
    throw error;
  }
}

type Does = <O extends Shared>(
  command: Command,
  action: (context: CommandContext, words: string[], options: O) => Promise<number>,
) => Command;

function registerUp(root: Command, does: Does): void {
  const command = root
    .command("up")
    .description("start Samovar on this machine; Ctrl-C stops it")
    .option("--port <port>", "where to listen (default: 7266; 0 picks a free one)", portOf)
    .option("--no-open", "do not open a browser");
  does<Shared & { port?: number; open: boolean }>(command, async ({ dataDir, json }, _words, { port, open }) => {
    const { up } = await import("./up/command.ts");
    return up({ port, dataDir, open, json });
  });
}

function registerDemo(root: Command, does: Does): void {
  const command = root
    .command("demo")
    .description("start everything and run a first task on a repository made for it")
    .option("--once", "end with the task's outcome and leave nothing running");
  does<Shared & { once?: boolean }>(command, async (context, _words, { once = false, dataDir }) => {
    const { demo } = await import("./demo/command.ts");
    return demo({ once }, { ...context, dataDir: dataDir ?? `${context.dataDir}-demo` });
  });
}

interface RunFlags extends Shared {
  readonly repo?: string;
  readonly project?: string;
  readonly base?: string;
  readonly agent?: AgentKind;
  readonly size?: VmSize;
  readonly backlog?: boolean;
}

function registerRun(root: Command, does: Does): void {
  const command = root
    .command("run")
    .description("run a task and follow it; exit code 0 completed, 1 failed, 3 cancelled, 2 not run at all")
    .argument("<text>", "what to do; - reads it from standard input")
    .option("--repo <path|url>", "the repository (default: the one around the current directory)")
    .option("--project <name>", "the project; made when it is new")
    .option("--base <branch>", "the branch to start from (default: the one that is checked out)")
    .option("--agent <kind>", "who does it: script, claude, or another that `samovar agents` lists", agentOf)
    .option("--size <size>", "small, medium or large", sizeOf)
    .option("--backlog", "store it and do not run it yet");
  does<RunFlags>(command, async (context, [text = ""], { repo, project, base, agent, size, backlog = false }) => {
    const { run } = await import("./commands/run.ts");
    return run(text, { repo, project, base, agent, size, backlog }, context);
  });
}

const lists = () => import("./commands/lists.ts");

function registerLists(root: Command, does: Does): void {
  const inProject = (name: string, about: string) =>
    root.command(name).description(about).option("--project <name>", "only this project's");
  does<Shared & { project?: string }>(
    inProject("tasks", "list tasks, the newest first"),
    async (context, _words, options) => (await lists()).listTasks(options.project, context),
  );
  does<Shared & { project?: string }>(
    inProject("sessions", "list sessions, the newest first"),
    async (context, _words, options) => (await lists()).listSessions(options.project, context),
  );
  does(root.command("nodes").description("list the machines that are there now"), async (context) =>
    (await lists()).listNodes(context),
  );
  does(
    root.command("transcript").description("print a session's transcript").argument("<session>"),
    async (context, [id = ""]) => {
      const { transcript } = await import("./commands/transcript.ts");
      return transcript(id, context);
    },
  );
}

function registerChecks(root: Command, does: Does): void {
  const verifying = root
    .command("verify")
    .description("prove that stored transcripts are the ones that were said")
    .argument("[task]")
    .option("--all", "every task that has ended");
  does<Shared & { all?: boolean }>(verifying, async (context, [id], { all = false }) => {
    const { verify } = await import("./commands/verify.ts");
    return verify(id, all, context);
  });
  does(root.command("doctor").description("check what this machine has and lacks"), async (context) => {
    const { doctor } = await import("./commands/doctor.ts");
    return doctor(context);
  });
  does(root.command("link").description("print a new one-time link that signs a browser in"), async (context) => {
    const { link } = await import("./commands/link.ts");
    return link(context);
  });
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("It is a number from 0 to 65535.");
  return port;
}

function agentOf(text: string): AgentKind {
  const parsed = agentKind.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError("It is a name such as claude.");
  return parsed.data;
}

function sizeOf(text: string): VmSize {
  const parsed = vmSize.safeParse(text);
  if (!parsed.success) throw new InvalidArgumentError("It is small, medium or large.");
  return parsed.data;
}
