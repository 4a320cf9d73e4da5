/**
 * How a command finds the running Samovar: `<data-dir>/instance.json`, written by `samovar up` for as long as it
 * runs. It holds an API token, so it is readable by its owner only.
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
  /** When that process began, as `up/processes.ts` reads it; null where the system does not tell. */
  start: z.string().nullable().default(null),
  url: z.url({ protocol: /^https?$/ }),
  apiToken: z.string().min(1),
  startedAt: millis,
});
export type Instance = z.infer<typeof instance>;

type Environment = Readonly<Record<string, string | undefined>>;

/** The directory that was given, or that the environment names, or the person's own. Absolute. */
export function dataDirectory(given?: string, env: Environment = process.env): string {
  const named = given || env["SAMOVAR_DATA_DIR"];
  if (named) return resolve(named);
  const share = env["XDG_DATA_HOME"] || join(env["HOME"] || homedir(), ".local/share");
  return join(share, "samovar");
}

export function instanceFile(dataDir: string): string {
  return join(dataDir, "instance.json");
}

export async function writeInstance(dataDir: string, value: Instance): Promise<void> {
  await writeAtomically(instanceFile(dataDir), `${JSON.stringify(value, null, 2)}\n`);
}

export async function removeInstance(dataDir: string): Promise<void> {
  await rm(instanceFile(dataDir), { force: true });
}

/** Null when no Samovar runs here, or the file cannot be understood. */
export async function readInstance(dataDir: string): Promise<Instance | null> {
  const parsed = instance.safeParse(await readJson(instanceFile(dataDir)));
  return parsed.success ? parsed.data : null;
}
