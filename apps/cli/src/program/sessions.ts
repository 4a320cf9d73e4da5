/** Commands about what was said, and that it is all there. */
import type { Command } from "commander";
import type { Does, Shared } from "./does.ts";

export function registerSessions(root: Command, does: Does): void {
  const sessions = root.command("sessions").description("list sessions, the newest first");
  does<Shared & { project?: string }>(
    sessions.option("--project <name>", "only this project's"),
    async (context, _words, { project }) => (await import("../commands/lists.ts")).listSessions(project, context),
  );
  does(
    root.command("transcript").description("print a session's transcript").argument("<session>"),
    async (context, [id = ""]) => (await import("../commands/transcript.ts")).transcript(id, context),
  );
  const verify = root
    .command("verify")
    .description("prove that stored transcripts are the ones that were said")
    .argument("[task]")
    .option("--all", "every task that has ended");
  does<Shared & { all?: boolean }>(verify, async (context, [id], { all = false }) =>
    (await import("../commands/verify.ts")).verify(id, all, context),
  );
}
