/** `samovar audit-log`: security-relevant and destructive actions, newest first. */
import type { AuditEntry } from "@samovar/contracts";
import { requireSamovar } from "../client/connect.ts";
import { toSafeLine } from "../output/safe-text.ts";
import { formatTable } from "../output/table.ts";
import { type CommandContext, printJson } from "./context.ts";

const DETAIL_CHARS = 100;

export async function showAuditLog(limit: number, context: CommandContext): Promise<number> {
  const { terminal, json } = context;
  const entries = await (await requireSamovar(context)).auditLog(limit);
  if (json) {
    printJson(terminal, entries);
    return 0;
  }
  const rows = entries.map((entry) => [
    new Date(entry.at).toISOString(),
    entry.action,
    toSafeLine(entry.objectId, 40),
    entry.actor.id ?? entry.actor.kind.replaceAll("_", " "),
    toSafeLine(formatDetail(entry), DETAIL_CHARS),
  ]);
  const head = ["time", "action", "on", "by", "detail"];
  terminal.line(formatTable(head, rows, "The audit log is empty.", terminal.style));
  return 0;
}

const formatDetail = ({ detail }: AuditEntry): string =>
  Object.entries(detail)
    .flatMap(([name, value]) => (value === null ? [] : [`${name}: ${value}`]))
    .join(", ");
