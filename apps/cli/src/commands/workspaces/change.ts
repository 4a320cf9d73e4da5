/** `samovar workspaces extend` and `destroy`. */
import { extendWorkspace } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findWorkspace } from "../../client/find.ts";
import { workspaceLine } from "../../output/task-detail.ts";
import { type CommandContext, printJson } from "../context.ts";

export async function giveTime(text: string, keepForMs: number, context: CommandContext): Promise<number> {
  if (!extendWorkspace.safeParse({ keepForMs }).success)
    throw new CliError("A workspace is kept for a minute at least and seven days at most.", "Such as: --for 8h");
  const client = await requireSamovar(context);
  const { id, retainedUntil: before } = await findWorkspace(client, text);
  const asked = context.clock.now() + keepForMs;
  const workspace = await client.extendWorkspace(id, keepForMs);
  if (context.json) printJson(context.terminal, workspace);
  else {
    context.terminal.line(workspaceLine(workspace, context.clock.now()));
    const until = workspace.retainedUntil ?? asked;
    if (before !== null && before >= asked) context.terminal.note("It was kept for longer than that already.");
    else if (until < asked - ROUNDING_MS) context.terminal.note("Its machine will not live longer than that.");
  }
  return 0;
}

/** The two clocks may differ a little. */
const ROUNDING_MS = 60_000;

export async function destroyWorkspace(text: string, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const { id } = await findWorkspace(client, text);
  const workspace = await client.destroyWorkspace(id);
  if (context.json) printJson(context.terminal, workspace);
  else context.terminal.line(`${id} is ${workspace.state === "destroyed" ? "gone" : "being removed"}.`);
  return 0;
}
