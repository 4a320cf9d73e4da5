/** Makes an agent ready to be started, as its recipe says: part of this program, installed from npm, or on the node. */
import type { Result } from "@samovar/base";
import { ok } from "@samovar/base";
import type { AgentRecipe, Failure } from "@samovar/contracts";
import type { InstallPorts } from "./install.ts";
import { installAgent } from "./install.ts";

export interface AgentPorts extends InstallPorts {
  /** argv that starts this vm-agent: Node and its module. */
  readonly self: readonly [string, string];
}

/** The agent's argv. Installs it when it is not there yet. Throws only an abort's reason. */
export async function prepareAgent(recipe: AgentRecipe, ports: AgentPorts): Promise<Result<string[], Failure>> {
  const { program } = recipe;
  switch (program.from) {
    case "vm_agent":
      return ok([...ports.self, "script-agent"]);
    case "path":
      return ok([program.command, ...program.args]);
    case "npm": {
      const installed = await installAgent(program.package, ports);
      return installed.ok ? ok([...installed.value, ...program.args]) : installed;
    }
  }
}
