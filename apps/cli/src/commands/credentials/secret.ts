/**
 * Where a secret comes from: a variable of the environment, standard input, or a question that shows nothing of the
 * answer. Never an argument: those are there for every user of the machine to read. Keeps S1.
 */
import type { AgentView, CredentialKind, CredentialSecret } from "@samovar/contracts";
import { credentialSecret, environmentName } from "@samovar/contracts";
import { CliError } from "../../client/errors.ts";
import type { CommandContext } from "../context.ts";

export interface SecretOptions {
  /** Names of variables of this process. */
  readonly fromEnv: readonly string[];
  /** For a model's API that is elsewhere. */
  readonly baseUrl?: string | undefined;
}

type ModelKind = "anthropic" | "openai" | "google";

/** Throws {@link CliError} when there is no secret, or it cannot be one. `agents`: asked only for `agent:` kinds. */
export async function readCredential(
  kind: CredentialKind,
  options: SecretOptions,
  agents: () => Promise<readonly AgentView[]>,
  context: CommandContext,
): Promise<CredentialSecret> {
  if (options.baseUrl !== undefined && !isModelKind(kind))
    throw new CliError(`${kind} has no base address.`, "Leave out --base-url.");
  return checked(await read(kind, options, agents, context));
}

async function read(
  kind: CredentialKind,
  options: SecretOptions,
  agents: () => Promise<readonly AgentView[]>,
  context: CommandContext,
): Promise<unknown> {
  if (kind.startsWith("agent:")) return readVariables(kind.slice("agent:".length), options, await agents(), context);
  if (!isModelKind(kind)) return { kind, token: await oneSecret(kind, options, context) };
  const { baseUrl } = options;
  const key = await oneSecret(kind, options, context, baseUrl !== undefined);
  const isOAuth =
    kind === "anthropic" && (key.startsWith("sk-ant-oat") || options.fromEnv[0] === "CLAUDE_CODE_OAUTH_TOKEN");
  return { kind, baseUrl, ...(key === "" ? {} : isOAuth ? { oauthToken: key } : { apiKey: key }) };
}

async function oneSecret(
  kind: CredentialKind,
  { fromEnv }: SecretOptions,
  context: CommandContext,
  mayBeEmpty = false,
): Promise<string> {
  if (fromEnv.length > 1) throw new CliError(`${kind} is one secret.`, "Give --from-env once.");
  const [name] = fromEnv;
  if (name !== undefined) return variable(name, context);
  const question = mayBeEmpty ? `Key for ${kind} (none: Enter): ` : `Secret for ${kind} (it is not shown): `;
  const given = ((await context.askSecret(question)) ?? (await context.readStdin())).trim();
  if (given !== "" || mayBeEmpty) return given;
  throw new CliError("There is no secret on standard input.", `Such as: samovar credentials set ${kind} < FILE`);
}

/** Each by its name: from the environment, from lines `NAME=value`, or asked for one after the other. */
async function readVariables(
  agent: string,
  { fromEnv }: SecretOptions,
  agents: readonly AgentView[],
  context: CommandContext,
): Promise<unknown> {
  const wanted = agents.find(({ kind }) => kind === agent)?.secretEnv ?? null;
  if (wanted === null) throw new CliError(`There is no agent ${agent}.`, "Add it with: samovar agents add FILE.json");
  if (wanted.length === 0 && fromEnv.length === 0)
    throw new CliError(`${agent} has no secret variables.`, "Name them in its definition, as secretEnv.");
  const env = fromEnv.length > 0 ? fromEnvironment(fromEnv, context) : await asked(wanted, context);
  const missing = wanted.filter((name) => !env[name]);
  if (missing.length > 0) throw new CliError(`${agent} needs ${missing.join(", ")} too.`, "They are stored together.");
  return { kind: "agent", agent, env };
}

function fromEnvironment(names: readonly string[], context: CommandContext): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, variable(name, context)]));
}

async function asked(names: readonly string[], context: CommandContext): Promise<Record<string, string>> {
  const env: Record<string, string> = {};
  for (const name of names) {
    const given = await context.askSecret(`${name} (it is not shown): `);
    if (given === null) return linesOf(await context.readStdin());
    env[name] = given;
  }
  return env;
}

function linesOf(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf("=");
      const name = line.slice(0, Math.max(at, 0)).trim();
      if (!environmentName.safeParse(name).success)
        throw new CliError("Each line on standard input is NAME=value.", "Such as: MY_KEY=abc");
      return [name, line.slice(at + 1).trim()];
    }),
  );
}

function variable(name: string, { env }: CommandContext): string {
  const value = env[name]?.trim();
  if (value) return value;
  throw new CliError(`The environment has no ${name.slice(0, 100)}.`, "Set it, or leave out --from-env to be asked.");
}

/** What is wrong is told without the secret. */
function checked(given: unknown): CredentialSecret {
  const parsed = credentialSecret.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new CliError(`The credential cannot be stored: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}.`);
}

function isModelKind(kind: CredentialKind): kind is ModelKind {
  return kind === "anthropic" || kind === "openai" || kind === "google";
}
