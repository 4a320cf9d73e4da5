/** Binds a command to its action. Every command takes `--json` and `--data-dir` and returns an exit code. */
import type { Command } from "commander";
import { type CommandContext, createContext } from "../commands/context.ts";
import { chooseRemote } from "../contexts.ts";
import { resolveDataDirectory } from "../instance.ts";

export interface SharedOptions {
  readonly dataDir?: string;
  readonly context?: string;
  readonly json?: boolean;
}

export type BindCommand = <O extends SharedOptions>(
  command: Command,
  action: (context: CommandContext, args: string[], options: O) => Promise<number>,
) => Command;

/** `onExit` receives the exit code. */
export function createBinder(onExit: (code: number) => void): BindCommand {
  return <O extends SharedOptions>(
    command: Command,
    action: (context: CommandContext, args: string[], options: O) => Promise<number>,
  ) =>
    command.option("--json", "print JSON").action(async () => {
      const options = command.optsWithGlobals<O>();
      const { context, dataDir, json = false } = options;
      const remote = await chooseRemote({ context, dataDir, env: process.env });
      const where = { dataDir: resolveDataDirectory(dataDir), remote };
      onExit(await action(createContext(where, json), command.args, options));
    });
}
