/** Which agents there are, and what each needs before a task can use it. */
import type { UserId } from "@samovar/base";
import { AGENT_KINDS } from "@samovar/contracts";
import type { AgentKind, AgentView, CredentialKind } from "@samovar/contracts";
import { hasCredential } from "../credentials/store.ts";
import type { Database } from "../database/index.ts";

interface AgentFacts {
  readonly name: string;
  readonly description: string;
  readonly credential: CredentialKind | null;
  readonly hint: string;
}

export const AGENTS: Record<AgentKind, AgentFacts> = {
  script: {
    name: "Script",
    description: "Runs the steps written in the task's text. It has no model and needs no key.",
    credential: null,
    hint: "",
  },
  claude: {
    name: "Claude Code",
    description: "Anthropic's coding agent.",
    credential: "anthropic",
    hint: "Store an Anthropic credential: an API key, an OAuth token or a base address.",
  },
};

export async function listAgents(db: Database, ownerId: UserId): Promise<AgentView[]> {
  return Promise.all(
    AGENT_KINDS.map(async (kind) => {
      const { name, description, credential, hint } = AGENTS[kind];
      const usable = credential === null || (await hasCredential(db, ownerId, credential));
      return { kind, name, description, usable, hint: usable ? null : hint };
    }),
  );
}
