/** `samovar bundle TASK`: what could not be pushed, as a file that git can fetch from; held against its digest. */
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { sha256 } from "@samovar/base/sha256";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { findTask } from "../../client/find.ts";
import { bytes } from "../../output/units.ts";
import { type CommandContext, printJson } from "../context.ts";

/** `given`: the file to write; `-` for standard output. A file that is there is not overwritten. */
export async function saveBundle(text: string, given: string | undefined, context: CommandContext): Promise<number> {
  const { terminal, cwd, json } = context;
  const client = await requireSamovar(context);
  const { project, task } = await findTask(client, text);
  const promised = task.output?.bundle ?? null;
  if (promised === null) throw new CliError(`${task.id} has no bundle: there is nothing that could not be pushed.`);
  const content = await client.bundle(project.id, task.id);
  if (sha256(content) !== promised.sha256)
    throw new CliError("The bundle that came is not the one that was stored.", "Try again.");
  if (given === "-") {
    await terminal.writeBytes(content);
    return 0;
  }
  const branch = task.branch ?? task.output?.branch ?? "work";
  const path = resolve(cwd, given ?? `${branch.replaceAll(/[^A-Za-z0-9._+-]/g, "-")}.bundle`);
  await save(path, content);
  if (json) printJson(terminal, { path, ...promised });
  else
    terminal.line(`${path}  ${bytes(content.length)}
Take it into a repository with: git fetch ${quoted(path)} ${quoted(`${branch}:${branch}`)}`);
  return 0;
}

async function save(path: string, content: Uint8Array): Promise<void> {
  try {
    await writeFile(path, content, { flag: "wx" });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    if (code === "EEXIST") throw new CliError(`${path} is there already.`, "Name another file with -o FILE.");
    throw new CliError(`${path} cannot be written (${code}).`, "Name another file with -o FILE.");
  }
}

/** For a shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
