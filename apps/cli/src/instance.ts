/**
 * How a command finds the running Samovar: `samovar up` writes `<data-dir>/instance.json` and removes it when it
 * stops. The file holds an API token, so only its owner can read it.
 */
import { rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { millis } from "@samovar/contracts";
import * as z from "zod";
import { readJson, writeAtomically } from "./files.ts";

const instance = z.object({
  version: z.literal(1),
  pid: z.number().int().positive(),
  /** When that process started, as `up/processes.ts` reads it; null where the system does not provide it. */
  start: z.string().nullable().default(null),
  url: z.url({ protocol: /^https?$/ }),
  /** Where others reach it; null: from this computer only. */
  publicUrl: z
    .url({ protocol: /^https$/ })
    .nullable()
    .default(null),
  apiToken: z.string().min(1),
  startedAt: millis,
});
export type Instance = z.infer<typeof instance>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The given directory, else the one in the environment, else the user's default. Absolute. */
export function resolveDataDirectory(given?: string, env: Environment = process.env): string {
  const named = given || env["SAMOVAR_DATA_DIR"];
  if (named) return resolve(named);
  const share = env["XDG_DATA_HOME"] || join(env["HOME"] || homedir(), ".local/share");
  return join(share, "samovar");
}

/** What can be made again, for all of a person's installations. */
/** For files that programs of workspaces read too: root's home is closed to their users. */
export const getSharedCacheDirectory = (env: Environment): string => {
  if (!env["XDG_CACHE_HOME"] && process.getuid?.() === 0) return "/var/cache/samovar";
  return join(env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache"), "samovar");
};

export function getInstanceFile(dataDir: string): string {
  return join(dataDir, "instance.json");
}

export async function writeInstance(dataDir: string, value: Instance): Promise<void> {
  await writeAtomically(getInstanceFile(dataDir), `${JSON.stringify(value, null, 2)}\n`);
}

export async function removeInstance(dataDir: string): Promise<void> {
  await rm(getInstanceFile(dataDir), { force: true });
}

/** Null when the file is missing or invalid. */
export async function readInstance(dataDir: string): Promise<Instance | null> {
  const parsed = instance.safeParse(await readJson(getInstanceFile(dataDir)));
  return parsed.success ? parsed.data : null;
}
