/** `samovar agents add` and `remove`: agents of a person's own. */
import { parseJson } from "@samovar/base";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { AgentDefinition, AgentView } from "@samovar/contracts";
import { agentDefinition, agentKind } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { CliError } from "../../client/errors.ts";
import { type CommandContext, printJson } from "../context.ts";
import { agentLines } from "./list.ts";

/** `file`: JSON of an agent's definition; `-` reads it from standard input. One of the same kind is replaced. */
export async function addAgent(file: string, context: CommandContext): Promise<number> {
  const { terminal, json } = context;
  const definition = parseDefinition(file === "-" ? await context.readStdin() : await readText(file, context.cwd));
  const agent = await (await requireSamovar(context)).putAgent(definition);
  if (json) printJson(terminal, agent);
  else terminal.line([...agentLines(agent, terminal.style), ...nextLines(agent)].join("\n"));
  return 0;
}

export async function removeAgent(text: string, context: CommandContext): Promise<number> {
  const parsed = agentKind.safeParse(text);
  if (!parsed.success) throw new CliError(`${text} is no agent's name.`, "See them with: samovar agents");
  await (await requireSamovar(context)).removeAgent(parsed.data);
  if (context.json) printJson(context.terminal, { removed: parsed.data });
  else context.terminal.line(`${parsed.data} is removed, and its credential with it.`);
  return 0;
}

function nextLines({ kind, usable, secretEnv }: AgentView): string[] {
  if (usable) return [`Run a task with it: samovar run --agent ${kind} "what to do"`];
  return secretEnv.length === 0 ? [] : [`Store what it needs with: samovar credentials set agent:${kind}`];
}

/** The first fault is told, with where it is. */
function parseDefinition(text: string): AgentDefinition {
  const value = parseJson(text);
  if (value === undefined) throw new CliError("This is not JSON.", EXAMPLE);
  const parsed = agentDefinition.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
  throw new CliError(`This is no definition of an agent: ${where}${issue?.message ?? "it cannot be read"}.`, EXAMPLE);
}

const EXAMPLE = `Such as: {"kind": "mine", "name": "Mine", "program": {"from": "path", "command": "my-agent", "args": ["--acp"]}, "secretEnv": ["MY_KEY"]}`;

async function readText(file: string, cwd: string): Promise<string> {
  const path = resolve(cwd, file);
  try {
    return await readFile(path, "utf8");
  } catch {
    throw new CliError(`${path} cannot be read.`, "Give the path of a file with the agent's definition, or -.");
  }
}
