/** `samovar workspaces extend` and `destroy`. */
import { extendWorkspace } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findWorkspace } from "../../client/find.ts";
import { formatWorkspace } from "../../output/task-detail.ts";
import { type CommandContext, printJson } from "../context.ts";

export async function extendRetention(text: string, keepForMs: number, context: CommandContext): Promise<number> {
  if (!extendWorkspace.safeParse({ keepForMs }).success)
    throw new CliError(
      "A workspace can be retained for a minute at least and seven days at most.",
      "Example: --for 8h",
    );
  const client = await requireSamovar(context);
  const { id, retainedUntil: before } = await findWorkspace(client, text);
  const requestedUntil = context.clock.now() + keepForMs;
  const workspace = await client.extendWorkspace(id, keepForMs);
  if (context.json) printJson(context.terminal, workspace);
  else {
    context.terminal.line(formatWorkspace(workspace, context.clock.now()));
    const until = workspace.retainedUntil ?? requestedUntil;
    if (before !== null && before >= requestedUntil)
      context.terminal.note("It was already retained for longer than that.");
    else if (until < requestedUntil - ROUNDING_MS)
      context.terminal.note("Its node will be destroyed by then, so it cannot be retained for longer.");
  }
  return 0;
}

/** Tolerance for the difference between this clock and the control plane's. */
const ROUNDING_MS = 60_000;

export async function destroyWorkspace(text: string, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const { id } = await findWorkspace(client, text);
  const workspace = await client.destroyWorkspace(id);
  if (context.json) printJson(context.terminal, workspace);
  else context.terminal.line(`${id} ${workspace.state === "destroyed" ? "was" : "is being"} removed.`);
  return 0;
}
