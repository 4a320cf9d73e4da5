/** `samovar credentials`: the stored credentials, without their secrets. */
import { requireSamovar } from "../../client/connect.ts";
import { toSafeLine } from "../../output/safe-text.ts";
import { formatTable } from "../../output/table.ts";
import { formatAge } from "../../output/units.ts";
import { type CommandContext, printJson } from "../context.ts";

export async function listCredentials(context: CommandContext): Promise<number> {
  const { terminal, clock, json } = context;
  const found = await (await requireSamovar(context)).credentials();
  if (json) {
    printJson(terminal, found);
    return 0;
  }
  const rows = found.map(({ kind, hint, createdAt, lastUsedAt }) => [
    kind,
    formatAge(clock.now() - createdAt),
    lastUsedAt === null ? "never" : formatAge(clock.now() - lastUsedAt),
    toSafeLine(hint, 80),
  ]);
  const none = "There are no credentials yet. Store one with: samovar credentials set KIND";
  terminal.line(formatTable(["credential", "stored", "used", "ends with"], rows, none, terminal.style));
  return 0;
}
