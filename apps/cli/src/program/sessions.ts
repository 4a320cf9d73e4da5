/** Commands about sessions, their transcripts and the verification of these. */
import type { Command } from "commander";
import type { MessageRole } from "@samovar/contracts";
import type { ExportFormat } from "@samovar/domain/session-export";
import type { BindCommand, SharedOptions } from "./bind-command.ts";
import { parseExportFormat, parseHits, parseRole } from "./parsers.ts";

interface SearchOptions extends SharedOptions {
  readonly project?: string;
  readonly role?: MessageRole;
  readonly best?: boolean;
  readonly limit: number;
}

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
  const search = root
    .command("search")
    .description("find messages by their words, newest first, also in sessions that still run")
    .argument("<words...>", "in any order; the last one may be the beginning of a word")
    .option("--project <name>", "only messages of this project")
    .option("--role <role>", "only messages of: user, assistant, system or tool", parseRole)
    .option("--best", "the best matches first, instead of the newest")
    .option("--limit <count>", "how many messages of each project", parseHits, 20);
  bind<SearchOptions>(search, async (context, words, { project, role, best = false, limit }) =>
    (await import("../commands/search.ts")).search(words.join(" "), { project, role, best, limit }, context),
  );
  const exported = root
    .command("export")
    .description("write a session to standard output, as Markdown or as JSON lines")
    .argument("<session>")
    .option("--format <format>", "md or jsonl", parseExportFormat, "md");
  bind<SharedOptions & { format: ExportFormat }>(exported, async (context, [id = ""], { format }) =>
    (await import("../commands/export.ts")).exportSession(id, context.json ? "jsonl" : format, context),
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
