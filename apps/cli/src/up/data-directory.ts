/**
 * The data directory of one installation on this machine: private, locked by one process at a time, and holding the
 * secrets with which the control plane starts.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, lstatSync } from "node:fs";
import { access, chmod, constants, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { CliError } from "../client/errors.ts";
import { readJson, writeAtomically } from "../files.ts";
import { type DirectoryLock, lockDirectory } from "./lock.ts";

export interface DataDirectory {
  readonly path: string;
  /** workerd's databases: D1, objects, workflows. */
  readonly state: string;
  /** The local cloud's servers. */
  readonly cloud: string;
  /** Agents installed on first use, shared by all nodes on this machine. */
  readonly agents: string;
  readonly logs: string;
  readonly lock: DirectoryLock;
}

const PRIVATE = 0o700;
const PASSABLE = 0o711;
/** Holds the files of an unfinished restore. */
export const RESTORE_PARTIAL = "restore.partial";

/** Opens and locks the directory. Throws {@link CliError} when it cannot be used. */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  await makePrivate(path);
  if (existsSync(join(path, RESTORE_PARTIAL)))
    throw new CliError(`The restore into ${path} did not finish.`, "Empty that directory, then restore again.");
  const lock = await lockDirectory(path);
  const below = (name: string) => join(path, name);
  const directory = {
    path,
    state: below("state"),
    cloud: below("vm"),
    agents: below("agents"),
    logs: below("logs"),
    lock,
  };
  for (const each of [directory.state, directory.logs]) {
    await mkdir(each, { recursive: true });
    await chmod(each, PRIVATE);
  }
  for (const each of [directory.cloud, directory.agents]) await mkdir(each, { recursive: true });
  return directory;
}

async function makePrivate(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: PRIVATE });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    // Users of workspaces, which nodes that run as root have, must be able to pass here. Only the owner can list it.
    await chmod(path, process.getuid?.() === 0 ? PASSABLE : PRIVATE);
    const probe = join(path, ".writable");
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new CliError(
      `The data directory ${path} cannot be written to (${code}).`,
      "Choose another with --data-dir DIR or SAMOVAR_DATA_DIR, or make this one writable.",
    );
  }
}

const signingKey = z.object({
  kid: z.string(),
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  d: z.string(),
});

const secrets = z.object({
  installationId: z.string(),
  operatorSecret: z.string(),
  signingKey,
  /** The previous key, for as long as tokens signed with it may be in use. */
  previousSigningKey: signingKey.omit({ d: true }).optional(),
  credentialsKey: z.string(),
  cloudToken: z.string(),
  /** The port of the first start, reused so that nodes and browsers find the control plane again. */
  port: z.number().int().positive().nullable(),
  /** When it was restored from a backup, in Unix milliseconds. */
  restoredAt: z.number().int().nonnegative().optional(),
});
export type Secrets = z.infer<typeof secrets>;

/**
 * Reads the installation's secrets, or creates them at the first start. Throws {@link CliError} when there are some that cannot be
 * understood: new ones in their place would make credentials unreadable and leave servers at a provider to nobody.
 */
export async function loadSecrets(directory: DataDirectory): Promise<Secrets> {
  const known = await readSecrets(directory.path);
  if (known !== null) return known;
  const file = join(directory.path, "secrets.json");
  if (lstatSync(file, { throwIfNoEntry: false }) !== undefined)
    throw new CliError(
      `The installation's secrets in ${file} cannot be read.`,
      "Make the file readable or mend it; or restore a backup into a new directory: samovar restore FILE --data-dir DIR",
    );
  const made = makeSecrets();
  await writeSecrets(directory.path, made);
  return made;
}

function makeSecrets(): Secrets {
  return {
    installationId: `local-${randomBytes(6).toString("hex")}`,
    operatorSecret: randomBytes(32).toString("base64url"),
    signingKey: makeSigningKey(),
    credentialsKey: randomBytes(32).toString("base64"),
    cloudToken: randomBytes(24).toString("base64url"),
    port: null,
  };
}

function makeSigningKey(): Secrets["signingKey"] {
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return { kid: randomBytes(6).toString("hex"), kty: "OKP", crv: "Ed25519", x: jwk.x ?? "", d: jwk.d ?? "" };
}

/**
 * The secrets of an installation that was restored from a backup. Encrypted data stays readable. The original's nodes are
 * refused, because the backup lacks what they and the original exchanged later. `keepsPlace`: it keeps the installation's id,
 * which the servers at the provider carry, and its address.
 */
export function replaceIdentity(original: Secrets, { keepsPlace }: { readonly keepsPlace: boolean }): Secrets {
  const { previousSigningKey: _, ...rest } = original;
  const made = makeSecrets();
  return keepsPlace ? { ...rest, signingKey: made.signingKey } : { ...made, credentialsKey: original.credentialsKey };
}

/** Null when the directory has none. */
export async function readSecrets(dataDir: string): Promise<Secrets | null> {
  const known = secrets.safeParse(await readJson(join(dataDir, "secrets.json")));
  return known.success ? known.data : null;
}

export async function writeSecrets(dataDir: string, value: Secrets): Promise<void> {
  await writeAtomically(join(dataDir, "secrets.json"), `${JSON.stringify(value, null, 2)}\n`);
}
