/** What an agent's process finds in its environment: pure. Nothing of ours but the session's mark is in it. Keeps S1. */
import type { HostLaunch } from "@samovar/contracts";

/** What an agent is given besides its recipe; none of it is ever written down. */
export interface AgentGrant {
  /** In place of the real key. */
  readonly gateway: { readonly url: string; readonly key: string } | null;
  /** Its owner's variables, by their names. */
  readonly secretEnv: Readonly<Record<string, string>>;
}

/** Of the machine, as this process knows it. */
export interface AgentSurroundings {
  readonly path: string;
  readonly lang: string;
  readonly isRoot: boolean;
}

/** What starting an agent needs to know. */
export interface AgentStart {
  readonly agent: Pick<HostLaunch["agent"], "kind" | "command" | "env">;
  readonly home: string;
  /** Null for an agent that is started before its task is known. */
  readonly checkout: string | null;
  readonly model: string | null;
  readonly mark: string;
}

export const agentStartOf = ({ agent, home, cwd, model, mark }: HostLaunch): AgentStart => ({
  agent,
  home,
  checkout: cwd,
  model,
  mark,
});

/** Every process of a session carries its mark under this name, so that none is left behind. */
export const SESSION_MARK = "SAMOVAR_SESSION";

export function agentEnvironment(
  launch: AgentStart,
  { gateway, secretEnv }: AgentGrant,
  { path, lang, isRoot }: AgentSurroundings,
): Record<string, string> {
  const places = new Map([
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
    // As root, Claude Code works unasked only where it is told that this is a sandbox.
    ...(launch.agent.kind === "claude" && isRoot ? { IS_SANDBOX: "1" } : {}),
    ...fillPlaces(launch.agent.env, places),
    ...secretEnv,
    [SESSION_MARK]: launch.mark,
  };
}

const PLACE = /\{(?:gateway\.url|gateway\.key|home|checkout|model)\}/g;

/** A variable with a place for which there is nothing is left out; what is no place of ours stays as it is. */
function fillPlaces(
  env: Readonly<Record<string, string>>,
  places: ReadonlyMap<string, string | null>,
): Record<string, string> {
  const filled = Object.entries(env)
    .filter(([, value]) => (value.match(PLACE) ?? []).every((place) => (places.get(place) ?? null) !== null))
    // In one pass, so that what is filled in is not looked at again.
    .map(([name, value]) => [name, value.replace(PLACE, (place) => places.get(place) ?? place)]);
  return Object.fromEntries(filled);
}
