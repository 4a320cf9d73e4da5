/** `samovar agents add` and `remove`: custom agents. */
import { parseJson } from "@samovar/base";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { AgentDefinition, AgentView } from "@samovar/contracts";
import { agentDefinition, agentKind } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { type CommandContext, printJson } from "../context.ts";
import { formatAgent } from "./list.ts";

/** `file`: JSON of an agent's definition; `-` reads standard input. Replaces an agent of the same kind. */
export async function addAgent(file: string, context: CommandContext): Promise<number> {
  const { terminal, json } = context;
  const definition = parseDefinition(file === "-" ? await context.readStdin() : await readText(file, context.cwd));
  const agent = await (await requireSamovar(context)).putAgent(definition);
  if (json) printJson(terminal, agent);
  else terminal.line([...formatAgent(agent, terminal.style), ...suggestCommands(agent)].join("\n"));
  return 0;
}

export async function removeAgent(text: string, context: CommandContext): Promise<number> {
  const parsed = agentKind.safeParse(text);
  if (!parsed.success) throw new CliError(`${text} is not an agent's name.`, "List agents with: samovar agents");
  await (await requireSamovar(context)).removeAgent(parsed.data);
  if (context.json) printJson(context.terminal, { removed: parsed.data });
  else context.terminal.line(`Removed ${parsed.data} and its credential.`);
  return 0;
}

function suggestCommands({ kind, usable, secretEnv }: AgentView): string[] {
  if (usable) return [`Run a task with it: samovar run --agent ${kind} "what to do"`];
  return secretEnv.length === 0 ? [] : [`Store its credential with: samovar credentials set agent:${kind}`];
}

/** Throws {@link CliError} with the first error and its path. */
function parseDefinition(text: string): AgentDefinition {
  const value = parseJson(text);
  if (value === undefined) throw new CliError("The agent's definition is not valid JSON.", EXAMPLE);
  const parsed = agentDefinition.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
  throw new CliError(`The agent's definition is invalid: ${where}${issue?.message ?? "unknown error"}.`, EXAMPLE);
}

const EXAMPLE = `Example: {"kind": "mine", "name": "Mine", "program": {"from": "path", "command": "my-agent", "args": ["--acp"]}, "secretEnv": ["MY_KEY"]}`;

async function readText(file: string, cwd: string): Promise<string> {
  const path = resolve(cwd, file);
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new CliError(
      `${path} cannot be read.`,
      "Give the path of a file with the agent's definition, or - for standard input.",
    );
  }
}
