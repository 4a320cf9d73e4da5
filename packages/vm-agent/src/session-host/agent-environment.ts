/** The environment of an agent's process. Pure. The session's mark is the only variable of Samovar's in it. Keeps S1. */
import type { HostLaunch } from "@samovar/contracts";
import type { WorkspacePlaces } from "../runtime/runtime.ts";

/** The secrets that an agent gets besides its recipe; they are never stored. */
export interface AgentGrant {
  /** The gateway's address and generated key, in place of the real key. */
  readonly gateway: { readonly url: string; readonly key: string } | null;
  /** The owner's secret variables by name. */
  readonly secretEnv: Readonly<Record<string, string>>;
}

/** What an agent's environment takes from the node and its runtime. */
export interface AgentSurroundings {
  readonly path: string;
  readonly lang: string;
  /** Whether the agent is uid 0, even if only in a sandbox. */
  readonly isRoot: boolean;
}

/** What is needed to start an agent. */
export interface AgentStart {
  readonly agent: Pick<HostLaunch["agent"], "kind" | "command" | "env">;
  /** As the agent sees it. */
  readonly home: string;
  /** As the agent sees it; null for an agent that is started before its task is known. */
  readonly checkout: string | null;
  readonly model: string | null;
  readonly mark: string;
}

/** `seen`: the workspace's places as its programs see them. */
export const createAgentStart = ({ agent, model, mark }: HostLaunch, seen: WorkspacePlaces): AgentStart => ({
  agent,
  ...seen,
  model,
  mark,
});

/** The variable with the session's mark. Every process of a session has it, so that leftovers can be found. */
export const SESSION_MARK = "SAMOVAR_SESSION";

export function createAgentEnvironment(
  launch: AgentStart,
  { gateway, secretEnv }: AgentGrant,
  { path, lang, isRoot }: AgentSurroundings,
): Record<string, string> {
  const placeholders = new Map([
    ["{gateway.url}", gateway?.url ?? null],
    ["{gateway.key}", gateway?.key ?? null],
    ["{home}", launch.home],
    ["{checkout}", launch.checkout],
    ["{model}", launch.model],
  ]);
  return {
    PATH: path,
    LANG: lang,
    HOME: launch.home,
    // As root, Claude Code works without permission requests only in a sandbox.
    ...(launch.agent.kind === "claude" && isRoot ? { IS_SANDBOX: "1" } : {}),
    ...fillPlaceholders(launch.agent.env, placeholders),
    ...secretEnv,
    [SESSION_MARK]: launch.mark,
  };
}

const PLACEHOLDER = /\{(?:gateway\.url|gateway\.key|home|checkout|model)\}/g;

/** Leaves out variables with a placeholder that has no value; other text in braces stays unchanged. */
function fillPlaceholders(
  env: Readonly<Record<string, string>>,
  placeholders: ReadonlyMap<string, string | null>,
): Record<string, string> {
  const filled = Object.entries(env)
    .filter(([, value]) =>
      (value.match(PLACEHOLDER) ?? []).every((placeholder) => (placeholders.get(placeholder) ?? null) !== null),
    )
    // In one pass, so that the inserted values are not searched for placeholders.
    .map(([name, value]) => [
      name,
      value.replace(PLACEHOLDER, (placeholder) => placeholders.get(placeholder) ?? placeholder),
    ]);
  return Object.fromEntries(filled);
}
