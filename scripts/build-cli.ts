/**
 * Bundles the CLI into dist/cli: a few files, of which a command loads only those it needs. `sources.json` beside them
 * holds the size and time of each source, by which bin/samovar.mjs decides whether the bundle is up to date.
 */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { builtinsOnDemand } from "./builtins-on-demand.ts";

/** The lock file, which fixes the versions of bundled packages. */
const LOCK_FILE = "package-lock.json";

export async function buildCli(root: string): Promise<void> {
  const startedAt = Date.now();
  const { metafile } = await build({
    entryPoints: [join(root, "apps/cli/src/command-line.ts")],
    absWorkingDir: root,
    outdir: join(root, "dist/cli"),
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    // Not bundled, because it locates its own files and workerd.
    external: ["miniflare"],
    plugins: [builtinsOnDemand],
    // Dependencies written as CommonJS still call `require` for Node's own modules.
    banner: { js: 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);' },
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const sources = Object.keys(metafile.inputs).filter((path) => /^(apps|packages)\//.test(path));
  const stamps = await readStamps(root, [...sources, LOCK_FILE]);
  // A source that changed during the build may be bundled in its old state.
  if (Object.values(stamps).every(([changedAt]) => changedAt < startedAt)) await writeStamps(root, stamps);
}

/** Records sources whose content is known to equal the bundled one. */
export async function stampCli(root: string): Promise<void> {
  const known = await readFile(join(root, "dist/cli/sources.json"), "utf8").catch(() => null);
  if (known === null) return;
  await writeStamps(root, await readStamps(root, Object.keys(JSON.parse(known) as Stamps)));
}

/** By path: modification time in milliseconds, and bytes. */
type Stamps = Record<string, readonly [changedAt: number, bytes: number]>;

async function readStamps(root: string, paths: readonly string[]): Promise<Stamps> {
  const stamps = paths.map(async (path) => {
    const { mtimeMs, size } = await stat(join(root, path));
    return [path, [mtimeMs, size]] as const;
  });
  return Object.fromEntries(await Promise.all(stamps));
}

async function writeStamps(root: string, stamps: Stamps): Promise<void> {
  await writeFile(join(root, "dist/cli/sources.json"), `${JSON.stringify(stamps)}\n`);
}
