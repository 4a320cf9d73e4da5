/** `samovar bundle TASK`: saves commits that could not be pushed as a git bundle, after comparing its digest. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { sha256 } from "@samovar/base/sha256";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findTask } from "../../client/find.ts";
import { formatBytes } from "../../output/units.ts";
import { type CommandContext, printJson } from "../context.ts";

/** `given`: the file to write; `-` for standard output. Never overwrites a file. */
export async function saveBundle(text: string, given: string | undefined, context: CommandContext): Promise<number> {
  const { terminal, cwd, json } = context;
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  const expected = task.output?.bundle ?? null;
  if (expected === null) throw new CliError(`${task.id} has no bundle: everything was pushed.`);
  const content = await client.bundle(project.id, task.id);
  if (sha256(content) !== expected.sha256)
    throw new CliError("The downloaded bundle does not match its digest.", "Try again.");
  if (given === "-") {
    await terminal.writeBytes(content);
    return 0;
  }
  const branch = task.branch ?? task.output?.branch ?? "work";
  const path = resolve(cwd, given ?? `${branch.replaceAll(/[^A-Za-z0-9._+-]/g, "-")}.bundle`);
  await save(path, content);
  if (json) printJson(terminal, { path, ...expected });
  else
    terminal.line(`${path}  ${formatBytes(content.length)}
Fetch it into a repository with: git fetch ${quote(path)} ${quote(`${branch}:${branch}`)}`);
  return 0;
}

async function save(path: string, content: Uint8Array): Promise<void> {
  try {
    await writeFile(path, content, { flag: "wx" });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    if (code === "EEXIST") throw new CliError(`${path} already exists.`, "Choose another file with -o FILE.");
    throw new CliError(`${path} cannot be written (${code}).`, "Choose another file with -o FILE.");
  }
}

/** Quotes a word for a shell. */
function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
