/** What a person typed about an agent, as a definition that is yet to be checked. Pure. */
import type { AgentDefinition, AgentProgram } from "@samovar/contracts";

const NPM = /^npm:(.+)@([^@#]+)#(.+)$/;

export function readAgentForm(form: Pick<FormData, "get">): Partial<AgentDefinition> {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  return {
    kind: text("kind"),
    name: text("name"),
    program: readProgram(text("program"), words(text("args"))),
    env: Object.fromEntries(words(text("env")).map(readVariable)),
    secretEnv: words(text("secretEnv").replaceAll(",", " ")),
  };
}

function readProgram(program: string, args: string[]): AgentProgram {
  const [, name, version, bin] = NPM.exec(program) ?? [];
  if (name === undefined || version === undefined || bin === undefined) return { from: "path", command: program, args };
  return { from: "npm", package: { name, version, bin }, args };
}

function readVariable(text: string): [string, string] {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");
