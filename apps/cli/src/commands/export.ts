/** `samovar export SESSION`: writes a session to standard output, page by page. */
import { type ExportFormat, formatExported, formatExportHead } from "@samovar/domain/session-export";
import { requireSamovar } from "../client/connect.ts";
import { findSession } from "../client/find.ts";
import type { CommandContext } from "./context.ts";

export async function exportSession(id: string, format: ExportFormat, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const { project, session } = await findSession(client, id);
  const encoder = new TextEncoder();
  await context.terminal.writeBytes(encoder.encode(formatExportHead(session, format)));
  for await (const messages of client.messagePages(project.id, session.id)) {
    const text = messages.map((message) => formatExported(message, format)).join("");
    await context.terminal.writeBytes(encoder.encode(text));
  }
  return 0;
}
