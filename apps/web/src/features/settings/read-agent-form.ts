/** What a person typed about an agent, as a definition that is yet to be checked; and a definition as it is typed. Pure. */
import type { AgentDefinition, AgentProgram } from "@samovar/contracts";

const NPM = /^npm:(.+)@([^@#]+)#(.+)$/;

/** `before`: the agent as it is. What the form does not show of it stays. */
export function readAgentForm(form: Pick<FormData, "get">, before: AgentDefinition | null): Partial<AgentDefinition> {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  return {
    ...before,
    kind: before?.kind ?? text("kind"),
    name: text("name"),
    description: text("description"),
    program: readProgram(text("program"), lines(text("args")), before?.program ?? null),
    env: Object.fromEntries(lines(text("env")).map(readVariable)),
    secretEnv: text("secretEnv")
      .split(/[\s,]+/)
      .filter(isSomething),
  };
}

/** The fields' texts of a definition; read again they are the same definition. */
export function writeAgentForm({ program, env, secretEnv }: AgentDefinition) {
  return {
    program: programText(program),
    args: program.from === "vm_agent" ? "" : program.args.join("\n"),
    env: Object.entries(env)
      .map(([name, value]) => `${name}=${value}`)
      .join("\n"),
    secretEnv: secretEnv.join(" "),
  };
}

function programText(program: AgentProgram): string {
  if (program.from === "npm") {
    const { name, version, bin } = program.package;
    return `npm:${name}@${version}#${bin}`;
  }
  return program.from === "path" ? program.command : "";
}

function readProgram(program: string, args: string[], before: AgentProgram | null): AgentProgram {
  const [, name, version, bin] = NPM.exec(program) ?? [];
  if (name === undefined || version === undefined || bin === undefined) return { from: "path", command: program, args };
  const same = before?.from === "npm" && before.package.name === name ? before.package : {};
  return { from: "npm", package: { ...same, name, version, bin }, args };
}

function readVariable(text: string): [string, string] {
  const at = text.indexOf("=");
  return at === -1 ? [text, ""] : [text.slice(0, at).trim(), text.slice(at + 1)];
}

const lines = (text: string): string[] =>
  text
    .split("\n")
    .map((line) => line.trim())
    .filter(isSomething);

const isSomething = (text: string): boolean => text !== "";
