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

/** Every process of a session carries its id under this name, so that none is left behind. */
export const SESSION_MARK = "SAMOVAR_SESSION";

export function agentEnvironment(
  launch: Pick<HostLaunch, "agent" | "home" | "cwd" | "model" | "sessionId">,
  { gateway, secretEnv }: AgentGrant,
  { path, lang, isRoot }: AgentSurroundings,
): Record<string, string> {
  const places = new Map([
    ["{gateway.url}", gateway?.url ?? null],
    ["{gateway.key}", gateway?.key ?? null],
    ["{home}", launch.home],
    ["{checkout}", launch.cwd],
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
    [SESSION_MARK]: launch.sessionId,
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
