/** `samovar link`: a new one-time link that signs a browser in. */
import { requireSamovar } from "../client/connect.ts";
import { type CommandContext, printJson } from "./context.ts";

export async function link(context: CommandContext): Promise<number> {
  const made = await (await requireSamovar(context)).createLink();
  if (context.json) printJson(context.terminal, made);
  else context.terminal.line(made.url);
  return 0;
}
