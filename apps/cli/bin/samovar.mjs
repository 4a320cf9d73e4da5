// The CLI's entry: runs what is built of it while that is as new as the sources, else the sources.
const { enableCompileCache } = process.getBuiltinModule?.("node:module") ?? {};
const major = Number(process.versions.node.split(".")[0]);
if (enableCompileCache === undefined || major < 24) {
  console.error(`Samovar needs Node 24, and this is ${process.versions.node}.\nGet it with: npm ci`);
  process.exit(2);
}
const { readFileSync, statSync } = process.getBuiltinModule("node:fs");
const { homedir } = process.getBuiltinModule("node:os");
const { join } = process.getBuiltinModule("node:path");

const root = join(import.meta.dirname, "../../..");
const isMeasured = (process.env.NODE_V8_COVERAGE ?? "") !== "";
// What Node has compiled is kept for the next command. A directory that cannot be written is no fault: then nothing is
// kept. Coverage is of the sources, and cannot see what was kept.
if (!isMeasured) enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "samovar/compiled"));
await import(!isMeasured && isFresh() ? "../../../dist/cli/command-line.js" : "../src/command-line.ts");

/** Whether no source of the bundle has changed since it was built, by size and time. */
function isFresh() {
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
