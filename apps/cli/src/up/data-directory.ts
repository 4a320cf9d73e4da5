/**
 * The data directory of one installation on this machine: made private, locked by one process at a time,
 * holding the secrets that the control plane is started with.
 */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { access, chmod, constants, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { CliError } from "../client/errors.ts";
import { isRunning, processStart } from "./processes.ts";

export interface DataDirectory {
  readonly path: string;
  /** workerd's databases: D1, objects, workflows. */
  readonly state: string;
  /** The local cloud's servers. */
  readonly cloud: string;
  /** Agents installed on first use, shared by all servers of this machine. */
  readonly agents: string;
  readonly logs: string;
  /** Gives the lock back. */
  release(): Promise<void>;
}

/** Opens and locks the directory. Throws {@link CliError} with what to do when it cannot be used. */
export async function openDataDirectory(path: string): Promise<DataDirectory> {
  await makePrivate(path);
  const release = await lock(path);
  const below = (name: string) => join(path, name);
  const directory = {
    path,
    state: below("state"),
    cloud: below("vm"),
    agents: below("agents"),
    logs: below("logs"),
    release,
  };
  for (const each of [directory.state, directory.cloud, directory.agents, directory.logs])
    await mkdir(each, { recursive: true });
  return directory;
}

async function makePrivate(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    await chmod(path, 0o700);
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

const lockFile = z.object({ pid: z.number().int().positive(), start: z.string().nullable() });

/** A lock that a killed process leaves behind counts as free: the process is told apart by its start time. */
async function lock(path: string): Promise<() => Promise<void>> {
  const file = join(path, "lock");
  const mine = JSON.stringify({ pid: process.pid, start: await processStart(process.pid) });
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await writeFile(file, mine, { flag: "wx", mode: 0o600 });
      return () => rm(file, { force: true });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const held = lockFile.safeParse(await readJson(file));
    if (held.success && (await isRunning(held.data.pid, held.data.start))) {
      throw new CliError(
        `The data directory ${path} is in use by another Samovar (process ${held.data.pid}).`,
        "Use that one, stop it with Ctrl-C, or choose another directory with --data-dir DIR.",
      );
    }
    await rm(file, { force: true });
  }
  throw new CliError(`The lock ${file} could not be taken.`, "Another Samovar is starting at this moment; try again.");
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
  /** The one before it, for as long as tokens that it has signed may be in use. */
  previousSigningKey: signingKey.omit({ d: true }).optional(),
  credentialsKey: z.string(),
  cloudToken: z.string(),
  /** The port of the first start: nodes and browsers keep finding the control plane there. */
  port: z.number().int().positive().nullable(),
});
export type Secrets = z.infer<typeof secrets>;

/** Reads the installation's secrets, or makes them at the first start. */
export async function loadSecrets(directory: DataDirectory): Promise<Secrets> {
  const known = secrets.safeParse(await readJson(join(directory.path, "secrets.json")));
  if (known.success) return known.data;
  const jwk = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  const made: Secrets = {
    installationId: `local-${randomBytes(6).toString("hex")}`,
    operatorSecret: randomBytes(32).toString("base64url"),
    signingKey: { kid: randomBytes(6).toString("hex"), kty: "OKP", crv: "Ed25519", x: jwk.x ?? "", d: jwk.d ?? "" },
    credentialsKey: randomBytes(32).toString("base64"),
    cloudToken: randomBytes(24).toString("base64url"),
    port: null,
  };
  await saveSecrets(directory, made);
  return made;
}

export async function saveSecrets(directory: DataDirectory, value: Secrets): Promise<void> {
  await writeAtomically(join(directory.path, "secrets.json"), `${JSON.stringify(value, null, 2)}\n`);
}

export async function writeAtomically(file: string, text: string): Promise<void> {
  const partial = `${file}.${process.pid}.partial`;
  await writeFile(partial, text, { mode: 0o600 });
  await rename(partial, file);
}

/** The file's JSON, or null when there is none or it is not JSON. */
export async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return null;
  }
}
