/** `samovar login`: prints a new one-time link that signs a browser in. */
import { requireSamovar } from "../client/connect.ts";
import { type CommandContext, printJson } from "./context.ts";

export async function logIn(context: CommandContext): Promise<number> {
  const link = await (await requireSamovar(context)).createLink();
  if (context.json) printJson(context.terminal, link);
  else context.terminal.line(link.url);
  return 0;
}
