/** Commands about sessions, their transcripts and the verification of these. */
import type { Command } from "commander";
import type { BindCommand, SharedOptions } from "./bind-command.ts";

export function registerSessions(root: Command, bind: BindCommand): void {
  const sessions = root.command("sessions").description("list sessions, newest first");
  bind<SharedOptions & { project?: string }>(
    sessions.option("--project <name>", "only sessions of this project"),
    async (context, _args, { project }) => (await import("../commands/lists.ts")).listSessions(project, context),
  );
  bind(
    root.command("transcript").description("print a session's transcript").argument("<session>"),
    async (context, [id = ""]) => (await import("../commands/transcript.ts")).printTranscript(id, context),
  );
  const verify = root
    .command("verify")
    .description("verify that stored transcripts are complete and unchanged")
    .argument("[task]")
    .option("--all", "verify every task that has ended");
  bind<SharedOptions & { all?: boolean }>(verify, async (context, [id], { all = false }) =>
    (await import("../commands/verify.ts")).verify(id, all, context),
  );
}
