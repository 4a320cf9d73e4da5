/**
 * Writes a lockfile for each npm package of the built-in agents, with every platform's packages, and the digests by which
 * nodes ask for them. Run it after a change of a row in `packages/domain/src/agents.ts`, at the public npm registry:
 * `node scripts/lock-agents.ts [kind …]`. A package that the registry does not serve gets none and is named.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { sha256 } from "@samovar/base/sha256";
import { AGENTS } from "@samovar/domain/agents";

const root = join(import.meta.dirname, "..");
const digestsFile = join(root, "packages/domain/src/agent-lockfiles.json");
const digests = JSON.parse(readFileSync(digestsFile, "utf8")) as Record<string, Record<string, string>>;
const wanted = process.argv.slice(2);

for (const [kind, { recipe }] of Object.entries(AGENTS)) {
  if (recipe.program.from !== "npm" || (wanted.length > 0 && !wanted.includes(kind))) continue;
  const { name, version, platforms } = recipe.program.package;
  const names = platforms === undefined ? [name] : Object.values(platforms);
  digests[kind] = Object.fromEntries(names.flatMap((each) => lock(each, version)));
}
writeFileSync(digestsFile, `${JSON.stringify(digests, null, 2)}\n`);

function lock(name: string, version: string): [name: string, digest: string][] {
  const text = makeLockfile(name, version);
  const file = join(root, "packages/vm-agent/agents", name.replace("/", "+"), "package-lock.json");
  rmSync(dirname(file), { recursive: true, force: true });
  if (text === null) {
    console.error(`${name} ${version}: the registry does not serve it, so it has no lockfile`);
    return [];
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  console.error(`${name} ${version}: ${text.length} characters`);
  return [[name, sha256(text)]];
}

/** Null when the package cannot be locked. `--force` admits packages of other platforms. */
function makeLockfile(name: string, version: string): string | null {
  const scratch = mkdtempSync(join(tmpdir(), "samovar-lock-"));
  const directory = join(scratch, "agent");
  try {
    mkdirSync(directory);
    writeFileSync(
      join(directory, "package.json"),
      JSON.stringify({ private: true, dependencies: { [name]: version } }),
    );
    const options = [
      "--package-lock-only",
      "--omit-lockfile-registry-resolved=false",
      "--ignore-scripts",
      "--omit=dev",
    ];
    execFileSync("npm", ["install", ...options, "--force", "--no-audit", "--no-fund", "--loglevel=error"], {
      cwd: directory,
      stdio: ["ignore", "ignore", "pipe"],
    });
    return readFileSync(join(directory, "package-lock.json"), "utf8");
  } catch (error) {
    if (error instanceof Error && /\b(E404|ETARGET)\b/.test(error.message)) return null;
    throw error;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
