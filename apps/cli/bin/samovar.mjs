// The CLI's entry: runs the bundle while it is up to date, else the sources.
const { enableCompileCache } = process.getBuiltinModule?.("node:module") ?? {};
const major = Number(process.versions.node.split(".")[0]);
if (enableCompileCache === undefined || major < 24) {
  console.error(`Samovar needs Node 24, but this is Node ${process.versions.node}.\nInstall it with: npm ci`);
  process.exit(2);
}
const { existsSync, readFileSync, statSync } = process.getBuiltinModule("node:fs");
const { homedir } = process.getBuiltinModule("node:os");
const { join } = process.getBuiltinModule("node:path");

const root = join(import.meta.dirname, "../../..");
const isMeasured = (process.env.NODE_V8_COVERAGE ?? "") !== "";
// Caches compiled code for the next command; a directory that cannot be written only disables the cache. Not while
// coverage is measured, which cannot see cached code.
if (!isMeasured) enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "samovar/compiled"));
await import(!isMeasured && isFresh() ? "../../../dist/cli/command-line.js" : "../src/command-line.ts");

/** Whether every source of the bundle still has the size and modification time of the build. An image has no sources. */
function isFresh() {
  if (!existsSync(join(import.meta.dirname, "../src"))) return true;
  try {
    const sources = JSON.parse(readFileSync(join(root, "dist/cli/sources.json"), "utf8"));
    return Object.entries(sources).every(([path, [changedAt, bytes]]) => {
      const { mtimeMs, size } = statSync(join(root, path));
      return mtimeMs === changedAt && size === bytes;
    });
  } catch {
    return false;
  }
}
