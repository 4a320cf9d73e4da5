/** What the build made, and what it is deployed with: the Worker, the web app with the vm-agent, the bindings, the migrations. */
import { readFile, readdir } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { sha256 } from "@samovar/base/sha256";
import type { MigrationFile } from "@samovar/api/database/migrate";
import { parseWranglerConfig, type WranglerConfig } from "@samovar/api/wrangler-config";
import { agentRelease, type AgentRelease } from "@samovar/contracts";
import { DeployError } from "./deploy-error.ts";

export interface Release {
  readonly config: WranglerConfig;
  /** Absolute paths. */
  readonly main: string;
  readonly assets: string;
  readonly agent: AgentRelease;
  readonly migrations: readonly MigrationFile[];
}

/** The bindings of the checkout at `root`. */
export async function readConfig(root: string): Promise<WranglerConfig> {
  return parseWranglerConfig(await readFile(join(root, "apps/api/wrangler.jsonc"), "utf8"));
}

/** Reads the build of the checkout at `root`. */
export async function readRelease(root: string): Promise<Release> {
  const api = join(root, "apps/api");
  const config = await readConfig(root);
  const main = resolve(api, config.main);
  const assets = resolve(api, config.assets.directory);
  const agent = agentRelease.safeParse(await readJson(join(root, "dist/release.json")));
  if (!agent.success) throw new DeployError("Samovar is not built.", "Run: npm run build");
  return {
    config,
    main,
    assets,
    agent: agent.data,
    migrations: await readMigrations(join(api, "migrations")),
  };
}

async function readMigrations(directory: string): Promise<MigrationFile[]> {
  const names = (await readdir(directory)).filter((name) => name.endsWith(".sql")).toSorted();
  return Promise.all(names.map(async (name) => ({ name, sql: await readFile(join(directory, name), "utf8") })));
}

/** SHA-256 of each file that is deployed, by its path. */
export async function digestFiles({ main, assets }: Release): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(assets, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const digests = files.toSorted().map(async (file) => [relative(assets, file), sha256(await readFile(file))] as const);
  return { "worker.js": sha256(await readFile(main)), ...Object.fromEntries(await Promise.all(digests)) };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch {
    return null;
  }
}
