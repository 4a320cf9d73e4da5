/** `samovar transcript SESSION`: prints the stored transcript. */
import { requireSamovar } from "../client/connect.ts";
import { findSession } from "../client/find.ts";
import { TranscriptPrinter } from "../output/transcript-printer.ts";
import { type CommandContext, printJson } from "./context.ts";

export async function printTranscript(id: string, context: CommandContext): Promise<number> {
  const { terminal } = context;
  const client = await requireSamovar(context);
  const { project, session } = await findSession(client, id);
  const messages = await client.messages(project.id, session.id);
  if (context.json) {
    printJson(terminal, { session, messages });
    return 0;
  }
  const printer = new TranscriptPrinter(terminal);
  for (const message of messages) printer.show(message);
  printer.finish();
  return 0;
}
