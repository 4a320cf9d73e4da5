/**
 * Samovars on other machines that this person has signed in to, and which of them commands use, like kubectl's contexts.
 * They are in `contexts.json` in the configuration directory, with their API tokens, so only its owner can read it. `local`
 * always exists: the Samovar of this machine's data directory.
 */
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { isLoopbackHost } from "@samovar/base";
import { apiTokenId, millis } from "@samovar/contracts";
import * as z from "zod";
import { CliError } from "./client/errors.ts";
import { readJson, writeAtomically } from "./files.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export const LOCAL = "local";

export const contextName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i, "A context's name may contain letters, digits, dots, hyphens and underscores.")
  .refine((name) => name !== LOCAL, `"${LOCAL}" is the Samovar on this machine; choose another name.`);

const remoteContext = z.object({
  name: contextName,
  url: z.url({ protocol: /^https?$/ }),
  token: z.string().min(1),
  tokenId: apiTokenId,
  expiresAt: millis.nullable(),
});
export type RemoteContext = z.infer<typeof remoteContext>;

const contexts = z.object({
  version: z.literal(1),
  /** Null: local. */
  current: z.string().nullable(),
  contexts: z.array(remoteContext),
});
export type Contexts = z.infer<typeof contexts>;

const NONE: Contexts = { version: 1, current: null, contexts: [] };

export const getContextsFile = (env: Environment): string =>
  join(env["XDG_CONFIG_HOME"] || join(env["HOME"] || homedir(), ".config"), "samovar/contexts.json");

/** Throws {@link CliError} for a damaged file: it may contain tokens, so it is never overwritten. */
export async function readContexts(env: Environment): Promise<Contexts> {
  const file = getContextsFile(env);
  if (!existsSync(file)) return NONE;
  const parsed = contexts.safeParse(await readJson(file));
  if (parsed.success) return parsed.data;
  throw new CliError(`The file ${file} is damaged.`, "Repair or remove it, then sign in again with: samovar login URL");
}

export async function writeContexts(env: Environment, value: Contexts): Promise<void> {
  const file = getContextsFile(env);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeAtomically(file, `${JSON.stringify(value, null, 2)}\n`);
}

/** Adds the context, or replaces the one of its name, and makes it the current one. */
export function addContext(all: Contexts, added: RemoteContext): Contexts {
  const others = all.contexts.filter(({ name }) => name !== added.name);
  return { ...all, current: added.name, contexts: [...others, added].toSorted((a, b) => (a.name < b.name ? -1 : 1)) };
}

/** `name`: also {@link LOCAL}. Throws {@link CliError} for an unknown one. */
export function useContext(all: Contexts, name: string): Contexts {
  return { ...all, current: name === LOCAL ? null : findContext(all, name).name };
}

/** Commands use the local Samovar afterwards if this was the current one. */
export function removeContext(all: Contexts, name: string): Contexts {
  const gone = findContext(all, name);
  return {
    ...all,
    current: all.current === gone.name ? null : all.current,
    contexts: all.contexts.filter((each) => each !== gone),
  };
}

export function findContext(all: Contexts, name: string): RemoteContext {
  const found = all.contexts.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw new CliError(`There is no context "${name}".`, "List them with: samovar context list");
}

/** A Samovar that is not the one of a data directory. */
export type Remote = Pick<RemoteContext, "url" | "token"> & { readonly name: string | null };

export interface Choice {
  /** `--context` */
  readonly context?: string | undefined;
  /** `--data-dir` */
  readonly dataDir?: string | undefined;
  readonly env: Environment;
}

/**
 * The remote Samovar that a command uses; null for the local one. The command line comes first, then the environment,
 * then the current context. Throws {@link CliError}.
 */
export async function chooseRemote({ context, dataDir, env }: Choice): Promise<Remote | null> {
  if (context !== undefined && dataDir !== undefined)
    throw new CliError("--context and --data-dir exclude each other.", "Use one of them.");
  if (context === LOCAL || dataDir !== undefined) return null;
  if (context !== undefined) return findContext(await readContexts(env), context);
  const url = env["SAMOVAR_URL"];
  if (url) return readRemoteFromEnvironment(url, env["SAMOVAR_TOKEN"]);
  if (env["SAMOVAR_DATA_DIR"]) return null;
  const all = await readContexts(env);
  return all.current === null ? null : findContext(all, all.current);
}

function readRemoteFromEnvironment(url: string, token: string | undefined): Remote {
  if (!token)
    throw new CliError(
      "SAMOVAR_URL is set, and SAMOVAR_TOKEN is not.",
      "Create a token on the page (Settings, Access) or with: samovar tokens create --name ci",
    );
  return { name: null, url: readAddress(url), token };
}

/** Parses the address that a person gives, and returns its origin. A token is never sent unencrypted, except on this machine. Throws {@link CliError}. */
export function readAddress(text: string): string {
  const url = URL.parse(/^https?:\/\//i.test(text) ? text : `https://${text}`);
  if (url === null || url.username !== "" || url.password !== "")
    throw new CliError(
      `${text} is not the address of a Samovar.`,
      "Use an address such as: https://samovar.example.com",
    );
  if (url.protocol === "http:" && !isLoopbackHost(url.hostname))
    throw new CliError(`${text} is not encrypted, so your token could be read on the way.`, "Use an https:// address.");
  return url.origin;
}
