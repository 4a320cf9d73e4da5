/**
 * The environment of a program in a container: the image's and the devcontainer's variables, then Samovar's own. Pure. The
 * project chooses the former, so none of them may name an agent's endpoint, key or start-up code [security 27]. Keeps S1.
 */

/** In the container. */
export const CONTAINER_PROGRAMS = "/opt/samovar/bin";

/** Names that steer an agent, Node, the loader, shells or git, wherever in the name they stand. */
const STEERING =
  /^(?:ANTHROPIC|CLAUDE|OPENAI|AZURE|CODEX|GEMINI|GOOGLE|OPENCODE|AWS|SAMOVAR|NODE_|NPM_CONFIG_NODE|LD_|GIT_|BASH_ENV$|ENV$|HOME$|HOSTNAME$|SHELLOPTS$|PROMPT_COMMAND$|SSL_|CURL_)|(?:^|_)PROXY$|BASE_URL$|ENDPOINT$|API_KEY|TOKEN|SECRET|PASSWORD/i;

export interface EnvironmentParts {
  readonly image: Readonly<Record<string, string>>;
  /** `containerEnv` of the devcontainer. */
  readonly project: Readonly<Record<string, string>>;
  /** The program's own. Its PATH is the node's, which means nothing in an image. */
  readonly program: Readonly<Record<string, string>>;
}

export const isSteering = (name: string): boolean => STEERING.test(name);

export function createContainerEnvironment({ image, project, program }: EnvironmentParts): Record<string, string> {
  const chosen = Object.entries({ ...image, ...project }).filter(([name]) => !isSteering(name));
  const { PATH: _nodePath, ...own } = program;
  const path = project["PATH"] ?? image["PATH"] ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  return { ...Object.fromEntries(chosen), ...own, PATH: `${path}:${CONTAINER_PROGRAMS}` };
}
