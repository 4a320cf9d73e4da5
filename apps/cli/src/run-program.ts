/** Registers all commands and runs the one on the command line. */
import { Command, CommanderError } from "commander";
import { EXIT_UNABLE } from "./client/errors.ts";
import { registerAccess } from "./program/access.ts";
import { registerEgress } from "./program/egress.ts";
import { registerAgents, registerCredentials } from "./program/agents.ts";
import { registerBudget } from "./program/budget.ts";
import { createBinder } from "./program/bind-command.ts";
import { registerContexts } from "./program/contexts.ts";
import { registerInstallation } from "./program/installation.ts";
import { registerProjects } from "./program/projects.ts";
import { registerSessions } from "./program/sessions.ts";
import { registerTasks } from "./program/tasks.ts";
import { registerWorkspaces } from "./program/workspaces.ts";

/** Resolves with the exit code. Each command's code is loaded only when it runs, which keeps the start fast. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  let code = 0;
  const root = new Command("samovar")
    .description("Runs coding tasks on nodes that it creates and looks after.")
    .option("--data-dir <dir>", "data directory of the Samovar to use (or SAMOVAR_DATA_DIR)")
    .option("--context <name>", "the Samovar to use, from `samovar context list` (or SAMOVAR_URL and SAMOVAR_TOKEN)")
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showHelpAfterError("See: samovar --help");
  const bind = createBinder((exitCode) => (code = exitCode));
  for (const register of [
    registerInstallation,
    registerTasks,
    registerWorkspaces,
    registerProjects,
    registerSessions,
    registerAgents,
    registerCredentials,
    registerEgress,
    registerAccess,
    registerContexts,
    registerBudget,
  ])
    register(root, bind);
  try {
    await root.parseAsync([...argv], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_UNABLE;
    throw error;
  }
}
