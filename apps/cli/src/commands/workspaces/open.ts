/** `samovar workspaces open W`: shows its path, branch and changes; with `--shell`, starts a shell in it. */
import { spawn } from "node:child_process";
import { realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import type { WorkspaceDiff, WorkspaceView } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findWorkspace, shortenId } from "../../client/find.ts";
import { formatDiff } from "../../output/workspace-diff.ts";
import { formatWorkspace } from "../../output/task-detail.ts";
import { type CommandContext, printJson } from "../context.ts";

export interface OpenOptions {
  readonly diff: boolean;
  readonly shell: boolean;
}

/** With `shell`, returns the shell's exit code. */
export async function openWorkspace(text: string, options: OpenOptions, context: CommandContext): Promise<number> {
  const { terminal, json, clock } = context;
  if (json && options.shell) throw new CliError("--json cannot be combined with --shell.", "Leave out one of them.");
  const client = await requireSamovar(context);
  const workspace = await findWorkspace(client, text);
  const look = await client.readWorkspaceDiff(workspace.id);
  const isHere = await isLocal(look.path, context.dataDir);
  if (json) {
    printJson(terminal, { workspace, look, local: isHere });
    return 0;
  }
  if (options.shell) return startShell(look, isHere, context);
  const lines = formatDiff(look, options.diff, terminal.style);
  terminal.line(
    [formatWorkspace(workspace, clock.now()), ...lines, ...suggestNext(workspace, look, isHere, options)].join("\n"),
  );
  return 0;
}

function suggestNext(workspace: WorkspaceView, look: WorkspaceDiff, isHere: boolean, { diff }: OpenOptions): string[] {
  const id = shortenId(workspace.id);
  const more = !diff && look.diff !== "" ? [`See the changed lines with: samovar workspaces open ${id} --diff`] : [];
  return isHere
    ? [...more, `It is on this machine. Start a shell in it with: samovar workspaces open ${id} --shell`]
    : more;
}

/** True only below this installation's data directory: any other path may belong to another machine. */
async function isLocal(path: string, dataDir: string): Promise<boolean> {
  try {
    const [workspace, home] = await Promise.all([realpath(path), realpath(dataDir)]);
    return workspace.startsWith(`${home}${sep}`) && (await stat(workspace)).isDirectory();
  } catch {
    return false;
  }
}

async function startShell(look: WorkspaceDiff, isHere: boolean, context: CommandContext): Promise<number> {
  if (!isHere)
    throw new CliError(
      "This workspace is on another machine.",
      `Its path there is ${look.path}. See its changes with --diff.`,
    );
  context.terminal.note(`Starting a shell in ${look.path}. Leave it with: exit`);
  const child = spawn(context.env["SHELL"] || "/bin/sh", [], { cwd: look.path, stdio: "inherit", env: context.env });
  // The terminal also sends Ctrl-C to the shell, which handles it.
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
