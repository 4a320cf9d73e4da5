/** The command line's entry: runs one command and exits with its code. */
import { errorMessage, redactText } from "@samovar/base";
import { CliError, EXIT_UNABLE } from "./client/errors.ts";
import { printJson } from "./commands/context.ts";
import { createTerminal } from "./output/terminal.ts";
import { runProgram } from "./run-program.ts";

// A reader that closes the pipe early, such as `head`, is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : EXIT_UNABLE));

try {
  process.exit(await runProgram(process.argv.slice(2)));
} catch (error) {
  report(error);
  process.exit(EXIT_UNABLE);
}

function report(error: unknown): void {
  const terminal = createTerminal();
  const hint = error instanceof CliError ? error.hint : null;
  const message = redactText(errorMessage(error));
  if (process.argv.includes("--json")) printJson(terminal, { event: "error", message, hint });
  terminal.note(hint === null ? message : `${message}\n${hint}`);
  if (!(error instanceof CliError) && process.env["SAMOVAR_DEBUG"] && error instanceof Error)
    terminal.note(redactText(error.stack ?? ""));
}
