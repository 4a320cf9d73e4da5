/** `samovar agents`: which agents can run tasks, what each still needs, and which models and modes it offers. */
import type { AgentOption, AgentView } from "@samovar/contracts";
import { requireSamovar } from "../../client/connect.ts";
import { toSafeLine } from "../../output/safe-text.ts";
import type { Style } from "../../output/terminal.ts";
import { type CommandContext, printJson } from "../context.ts";

const MAX_CHOICES = 12;

export async function listAgents(context: CommandContext): Promise<number> {
  const { terminal, json } = context;
  const agents = await (await requireSamovar(context)).agents();
  if (json) printJson(terminal, agents);
  else terminal.line(agents.flatMap((agent) => formatAgent(agent, terminal.style)).join("\n"));
  return 0;
}

export function formatAgent(agent: AgentView, style: Style): string[] {
  const mark = agent.usable ? style.green("✓") : style.yellow("!");
  const custom = agent.builtIn ? "" : style.dim(" (custom)");
  const { hint, capabilities } = agent;
  return [
    `${mark} ${style.bold(agent.kind.padEnd(10))} ${toSafeLine(agent.name, 60)}${custom}  ${style.dim(toSafeLine(agent.description, 100))}`,
    ...(hint === null ? [] : [detail("to do", toSafeLine(hint, 300), style)]),
    ...formatChoices("models", capabilities?.models ?? [], style),
    ...formatChoices("modes", capabilities?.modes ?? [], style),
  ];
}

function formatChoices(name: string, offered: readonly AgentOption[], style: Style): string[] {
  if (offered.length === 0) return [];
  const shown = offered.slice(0, MAX_CHOICES).map(({ id }) => toSafeLine(id, 60));
  const left = offered.length - shown.length;
  return [detail(name, [...shown, ...(left > 0 ? [`and ${left} more`] : [])].join(", "), style)];
}

const detail = (name: string, text: string, style: Style): string => `    ${style.dim(name.padEnd(7))} ${text}`;
