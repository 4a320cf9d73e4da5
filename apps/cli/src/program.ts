/** The commands, as the command line and its help have them: a table of contents. */
import { Command, CommanderError } from "commander";
import { EXIT_UNABLE } from "./client/errors.ts";
import { registerAgents, registerCredentials } from "./program/agents.ts";
import { doing } from "./program/does.ts";
import { registerMachine } from "./program/machine.ts";
import { registerSessions } from "./program/sessions.ts";
import { registerTasks } from "./program/tasks.ts";
import { registerWorkspaces } from "./program/workspaces.ts";

/** Resolves with the exit code. Commands are loaded when they are called: most need little. */
export async function program(argv: readonly string[]): Promise<number> {
  let code = 0;
  const root = new Command("samovar")
    .description("Runs coding tasks on machines it looks after.")
    .option("--data-dir <dir>", "the data directory of the Samovar to use (or SAMOVAR_DATA_DIR)")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showHelpAfterError("See: samovar --help");
  const does = doing((ended) => (code = ended));
  for (const register of [
    registerMachine,
    registerTasks,
    registerWorkspaces,
    registerSessions,
    registerAgents,
    registerCredentials,
  ])
    register(root, does);
  try {
    await root.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_UNABLE;
    throw error;
  }
}
