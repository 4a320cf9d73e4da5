/** How a command is tied to what it does: every one takes `--json` and `--data-dir`, and answers an exit code. */
import type { Command } from "commander";
import { type CommandContext, processContext } from "../commands/context.ts";
import { dataDirectory } from "../instance.ts";

export interface Shared {
  readonly dataDir?: string;
  readonly json?: boolean;
}

export type Does = <O extends Shared>(
  command: Command,
  action: (context: CommandContext, words: string[], options: O) => Promise<number>,
) => Command;

/** `ended` hears the exit code. */
export function doing(ended: (code: number) => void): Does {
  return <O extends Shared>(
    command: Command,
    action: (context: CommandContext, words: string[], options: O) => Promise<number>,
  ) =>
    command.option("--json", "print JSON").action(async () => {
      const options = command.optsWithGlobals<O>();
      ended(await action(processContext(dataDirectory(options.dataDir), options.json === true), command.args, options));
    });
}
