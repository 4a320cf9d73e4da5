/**
 * Reads a secret from an environment variable, from standard input, or from a prompt without echo. Never from an
 * argument, which every user of the machine can read (S1).
 */
import type { AgentView, CredentialKind, CredentialSecret } from "@samovar/contracts";
import { credentialSecret, environmentName } from "@samovar/contracts";
import { CliError } from "../../client/errors.ts";
import type { CommandContext } from "../context.ts";

export interface SecretOptions {
  /** Names of environment variables of this process. */
  readonly fromEnv: readonly string[];
  /** Address of the model's API, if not the default. */
  readonly baseUrl?: string | undefined;
}

type ModelKind = "anthropic" | "openai" | "google";

/** Throws {@link CliError} when the secret is missing or invalid. `agents`: called only for `agent:` kinds. */
export async function readCredential(
  kind: CredentialKind,
  options: SecretOptions,
  agents: () => Promise<readonly AgentView[]>,
  context: CommandContext,
): Promise<CredentialSecret> {
  if (options.baseUrl !== undefined && !isModelKind(kind))
    throw new CliError(`${kind} has no base URL.`, "Leave out --base-url.");
  return parseSecret(await read(kind, options, agents, context));
}

async function read(
  kind: CredentialKind,
  options: SecretOptions,
  agents: () => Promise<readonly AgentView[]>,
  context: CommandContext,
): Promise<unknown> {
  if (kind.startsWith("agent:")) return readVariables(kind.slice("agent:".length), options, await agents(), context);
  if (!isModelKind(kind)) return { kind, token: await readSecret(kind, options, context) };
  const { baseUrl } = options;
  const key = await readSecret(kind, options, context, baseUrl !== undefined);
  const isOAuth =
    kind === "anthropic" && (key.startsWith("sk-ant-oat") || options.fromEnv[0] === "CLAUDE_CODE_OAUTH_TOKEN");
  return { kind, baseUrl, ...(key === "" ? {} : isOAuth ? { oauthToken: key } : { apiKey: key }) };
}

async function readSecret(
  kind: CredentialKind,
  { fromEnv }: SecretOptions,
  context: CommandContext,
  mayBeEmpty = false,
): Promise<string> {
  if (fromEnv.length > 1) throw new CliError(`${kind} has only one secret.`, "Use --from-env once.");
  const [name] = fromEnv;
  if (name !== undefined) return readVariable(name, context);
  const question = mayBeEmpty ? `Key for ${kind} (hidden; Enter for none): ` : `Secret for ${kind} (hidden): `;
  const given = ((await context.askSecret(question)) ?? (await context.readStdin())).trim();
  if (given !== "" || mayBeEmpty) return given;
  throw new CliError("Standard input has no secret.", `Example: samovar credentials set ${kind} < FILE`);
}

/** Reads an agent's secret variables from the environment, from lines `NAME=value`, or from one prompt each. */
async function readVariables(
  agent: string,
  { fromEnv }: SecretOptions,
  agents: readonly AgentView[],
  context: CommandContext,
): Promise<unknown> {
  const wanted = agents.find(({ kind }) => kind === agent)?.secretEnv ?? null;
  if (wanted === null) throw new CliError(`No agent is named ${agent}.`, "Add it with: samovar agents add FILE.json");
  if (wanted.length === 0 && fromEnv.length === 0)
    throw new CliError(`${agent} has no secret variables.`, "List them under secretEnv in its definition.");
  const env = fromEnv.length > 0 ? fromEnvironment(fromEnv, context) : await askForVariables(wanted, context);
  const missing = wanted.filter((name) => !env[name]);
  if (missing.length > 0)
    throw new CliError(`${agent} also needs ${missing.join(", ")}.`, "Give all its variables at once.");
  return { kind: "agent", agent, env };
}

function fromEnvironment(names: readonly string[], context: CommandContext): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, readVariable(name, context)]));
}

async function askForVariables(names: readonly string[], context: CommandContext): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const name of names) {
    const given = await context.askSecret(`${name} (hidden): `);
    if (given === null) return parseLines(await context.readStdin());
    env[name] = given;
  }
  return env;
}

function parseLines(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      const name = line.slice(0, Math.max(at, 0)).trim();
      if (!environmentName.safeParse(name).success)
        throw new CliError("Each line on standard input must be NAME=value.", "Example: MY_KEY=abc");
      return [name, line.slice(at + 1).trim()];
    }),
  );
}

function readVariable(name: string, { env }: CommandContext): string {
  const value = env[name]?.trim();
  if (value) return value;
  throw new CliError(
    `The environment variable ${name.slice(0, 100)} is not set.`,
    "Set it, or leave out --from-env to be prompted.",
  );
}

/** Throws {@link CliError} with the first error, without the secret. */
function parseSecret(given: unknown): CredentialSecret {
  const parsed = credentialSecret.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CliError(`The credential cannot be stored: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}.`);
}

function isModelKind(kind: CredentialKind): kind is ModelKind {
  return kind === "anthropic" || kind === "openai" || kind === "google";
}
