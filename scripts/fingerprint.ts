/** Computes the fingerprint of everything that a build depends on. */
import { createHash } from "node:crypto";
import { readFile, readdir } from "node:fs/promises";
import { join, relative } from "node:path";

const SOURCES = ["apps/api/src", "apps/cli/src", "apps/web", "packages", "scripts", "package-lock.json"] as const;
const SKIPPED = new Set(["node_modules", "dist", "coverage", "test"]);

/** SHA-256 (hex) over the paths and contents of all sources, tests left out. */
export async function computeFingerprint(root: string): Promise<string> {
  const files = (await Promise.all(SOURCES.map((source) => filesBelow(join(root, source))))).flat().toSorted();
  const hash = createHash("sha256");
  for (const file of files)
    hash
      .update(relative(root, file))
      .update("\0")
      .update(await readFile(file))
      .update("\0");
  return hash.digest("hex");
}

export async function isFresh(dist: string, fingerprint: string): Promise<boolean> {
  try {
    const built = JSON.parse(await readFile(join(dist, "build.json"), "utf8")) as { fingerprint?: unknown };
    return built.fingerprint === fingerprint;
  } catch {
    return false;
  }
}

async function filesBelow(path: string): Promise<string[]> {
  if (!/(^|\/)[^/.]+$/.test(path)) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  const below = entries.map(async (entry) => {
    if (SKIPPED.has(entry.name) || /\.(test|testing)\.tsx?$/.test(entry.name)) return [];
    const child = join(path, entry.name);
    return entry.isDirectory() ? filesBelow(child) : [child];
  });
  return (await Promise.all(below)).flat();
}
