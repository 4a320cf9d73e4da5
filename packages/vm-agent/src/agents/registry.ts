/** The agents that a session can ask for: how each is named, installed and started. */
import type { Result } from "@samovar/base";
import { ok } from "@samovar/base";
import type { AgentKind, Failure, HostLaunch } from "@samovar/contracts";
import { join } from "node:path";
import type { AgentPackage, InstallPorts } from "./install.ts";
import { installAgent } from "./install.ts";

interface AgentEntry {
  readonly name: string;
  /** Which model API stands behind it; null for an agent without a model. */
  readonly gateway: HostLaunch["agent"]["gateway"];
  /** Null: it is part of the vm-agent itself. */
  readonly package: AgentPackage | null;
}

export const AGENTS: Readonly<Record<AgentKind, AgentEntry>> = {
  script: { name: "Script", gateway: null, package: null },
  claude: {
    name: "Claude Code",
    gateway: "anthropic",
    package: {
      directory: "claude-0.100.0",
      name: "@agentclientprotocol/claude-agent-acp",
      version: "0.100.0",
      entry: "dist/index.js",
    },
  },
};

export interface AgentPorts extends InstallPorts {
  /** argv that starts this vm-agent: Node and its module. */
  readonly self: readonly [string, string];
}

export type AgentProgram = Pick<HostLaunch["agent"], "command" | "gateway">;

/** Installs the agent when it is not there yet. Throws only an abort's reason. */
export async function prepareAgent(kind: AgentKind, ports: AgentPorts): Promise<Result<AgentProgram, Failure>> {
  const entry = AGENTS[kind];
  if (entry.package === null) return ok({ command: [...ports.self, "script-agent"], gateway: entry.gateway });
  const installed = await installAgent(entry.package, ports);
  if (!installed.ok) return installed;
  const module = join(installed.value, "node_modules", entry.package.name, entry.package.entry);
  return ok({ command: [process.execPath, module], gateway: entry.gateway });
}
