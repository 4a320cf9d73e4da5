/**
 * Bundles the CLI into dist/cli: a few files, of which a command loads those that it needs. Beside them `sources.json`
 * holds the size and time of each source, by which bin/samovar.mjs sees that the bundle is not older than they are.
 */
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import { builtinsOnDemand } from "./builtins-on-demand.ts";

/** Packages are of the versions that this file names. */
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
    // Finds its own files, and workerd.
    external: ["miniflare"],
    plugins: [builtinsOnDemand],
    // Dependencies written as CommonJS still call `require` for Node's own modules.
    banner: { js: 'const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);' },
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  const sources = Object.keys(metafile.inputs).filter((path) => /^(apps|packages)\//.test(path));
  const stamps = await stampsOf(root, [...sources, LOCK_FILE]);
  // One that was changed meanwhile may be in the bundle as it was before.
  if (Object.values(stamps).every(([changedAt]) => changedAt < startedAt)) await writeStamps(root, stamps);
}

/** For sources whose content is known to be what was bundled. */
export async function stampCli(root: string): Promise<void> {
  const known = await readFile(join(root, "dist/cli/sources.json"), "utf8").catch(() => null);
  if (known === null) return;
  await writeStamps(root, await stampsOf(root, Object.keys(JSON.parse(known) as Stamps)));
}

/** By path: milliseconds of the last change, and bytes. */
type Stamps = Record<string, readonly [changedAt: number, bytes: number]>;

async function stampsOf(root: string, paths: readonly string[]): Promise<Stamps> {
  const stamps = paths.map(async (path) => {
    const { mtimeMs, size } = await stat(join(root, path));
    return [path, [mtimeMs, size]] as const;
  });
  return Object.fromEntries(await Promise.all(stamps));
}

async function writeStamps(root: string, stamps: Stamps): Promise<void> {
  await writeFile(join(root, "dist/cli/sources.json"), `${JSON.stringify(stamps)}\n`);
}
