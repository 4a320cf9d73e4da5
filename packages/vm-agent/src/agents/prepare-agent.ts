/** Prepares an agent as its recipe says: it is part of this program, installed from npm, or a program on the node. */
import { isAbsolute } from "node:path";
import type { Result } from "@samovar/base";
import { err, ok } from "@samovar/base";
import type { AgentRecipe, Failure } from "@samovar/contracts";
import { findProgram } from "@samovar/processes";
import type { SelfCommand } from "../startup-snapshot.ts";
import type { InstallPorts } from "./install.ts";
import { installAgent } from "./install.ts";

export interface AgentPorts extends InstallPorts {
  readonly self: SelfCommand;
}

/** Returns the agent's argv, installing the agent first if needed. Throws only an abort's reason. */
export async function prepareAgent(recipe: AgentRecipe, ports: AgentPorts): Promise<Result<string[], Failure>> {
  const { program } = recipe;
  switch (program.from) {
    case "vm_agent":
      return ok([...ports.self(), "script-agent"]);
    case "path": {
      const file = findProgram(program.command, ports.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin");
      return file === null ? err(createMissingFailure(recipe.name, program.command)) : ok([file, ...program.args]);
    }
    case "npm": {
      const installed = await installAgent(program.package, ports);
      return installed.ok ? ok([...installed.value, ...program.args]) : installed;
    }
  }
}

function createMissingFailure(name: string, command: string): Failure {
  const where = isAbsolute(command) ? "" : " on its PATH";
  const message = `This node has no program ${command}${where}, which the agent ${name} needs. Install it on the node, or give the agent's settings an npm package or another path.`;
  return { code: "agent_missing", message: message.slice(0, 4000) };
}
