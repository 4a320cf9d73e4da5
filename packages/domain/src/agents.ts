/** The agents that come with Samovar: what each is, needs, and how a node gets it. Add a row to add an agent. */
import type { AgentRecipe, BuiltInAgent, CredentialKind } from "@samovar/contracts";

export interface AgentEntry {
  readonly description: string;
  /** The credential that it needs; null for none. */
  readonly credential: CredentialKind | null;
  /** What to do when that is missing. */
  readonly hint: string;
  readonly recipe: AgentRecipe;
}

export const AGENTS: Readonly<Record<Extract<BuiltInAgent, "script" | "claude">, AgentEntry>> = {
  script: {
    description: "Runs the steps written in the task's text. It has no model and needs no key.",
    credential: null,
    hint: "",
    recipe: {
      kind: "script",
      name: "Script",
      program: { from: "vm_agent" },
      env: {},
      gateway: null,
      secretEnv: false,
    },
  },
  claude: {
    description: "Anthropic's coding agent.",
    credential: "anthropic",
    hint: "Store an Anthropic credential: an API key, an OAuth token or a base address.",
    recipe: {
      kind: "claude",
      name: "Claude Code",
      program: {
        from: "npm",
        package: { name: "@agentclientprotocol/claude-agent-acp", version: "0.100.0", bin: "claude-agent-acp" },
        args: [],
      },
      env: {
        ANTHROPIC_BASE_URL: "{gateway.url}",
        ANTHROPIC_API_KEY: "{gateway.key}",
        CLAUDE_CONFIG_DIR: "{home}/.claude",
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      },
      gateway: "anthropic",
      secretEnv: false,
    },
  },
};

/** Null for an agent that does not come with Samovar. */
export function builtInAgent(kind: string): AgentEntry | null {
  return Object.entries(AGENTS).find(([name]) => name === kind)?.[1] ?? null;
}
