/** `samovar workspaces open W`: what is in it; on the machine that holds it, the way in. */
import { spawn } from "node:child_process";
import { realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import type { WorkspaceDiff, WorkspaceView } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findWorkspace, shortId } from "../../client/find.ts";
import { lookLines } from "../../output/workspace-look.ts";
import { workspaceLine } from "../../output/task-detail.ts";
import { type CommandContext, printJson } from "../context.ts";

export interface OpenOptions {
  readonly diff: boolean;
  readonly shell: boolean;
}

/** With `shell`, the exit code is the shell's. */
export async function openWorkspace(text: string, options: OpenOptions, context: CommandContext): Promise<number> {
  const { terminal, json, clock } = context;
  if (json && options.shell) throw new CliError("A shell prints no JSON.", "Leave out --json or --shell.");
  const client = await requireSamovar(context);
  const workspace = await findWorkspace(client, text);
  const look = await client.lookIntoWorkspace(workspace.id);
  const isHere = await isOfThisMachine(look.path, context.dataDir);
  if (json) {
    printJson(terminal, { workspace, look, local: isHere });
    return 0;
  }
  if (options.shell) return enter(look, isHere, context);
  const lines = lookLines(look, options.diff, terminal.style);
  terminal.line(
    [workspaceLine(workspace, clock.now()), ...lines, ...ways(workspace, look, isHere, options)].join("\n"),
  );
  return 0;
}

function ways(workspace: WorkspaceView, look: WorkspaceDiff, isHere: boolean, { diff }: OpenOptions): string[] {
  const id = shortId(workspace.id);
  const more = !diff && look.diff !== "" ? [`See what changed with: samovar workspaces open ${id} --diff`] : [];
  return isHere ? [...more, `It is on this machine. Go in with: samovar workspaces open ${id} --shell`] : more;
}

/** Only below this installation's own data directory: elsewhere the same path is another machine's. */
async function isOfThisMachine(path: string, dataDir: string): Promise<boolean> {
  try {
    const [place, home] = await Promise.all([realpath(path), realpath(dataDir)]);
    return place.startsWith(`${home}${sep}`) && (await stat(place)).isDirectory();
  } catch {
    return false;
  }
}

async function enter(look: WorkspaceDiff, isHere: boolean, context: CommandContext): Promise<number> {
  if (!isHere)
    throw new CliError("This workspace is on another machine.", `There it is at ${look.path}. See it with --diff.`);
  context.terminal.note(`A shell in ${look.path}; leave it with: exit`);
  const child = spawn(context.env["SHELL"] || "/bin/sh", [], { cwd: look.path, stdio: "inherit", env: context.env });
  // The terminal sends Ctrl-C to the shell too: it is for that alone.
  const stopListening = context.onInterrupt(() => {});
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on("error", (error) => reject(new CliError(`The shell could not be started: ${error.message}`)));
      child.on("close", (code) => resolve(code ?? 1));
    });
  } finally {
    stopListening();
  }
}
