/**
 * Copies what a running Samovar needs, without sources and tools, to dist/image: the build, the database's migrations, Node and
 * workerd. `deploy/Dockerfile` makes a container image of it.
 *
 * `node scripts/assemble-image.ts`, after a build.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as z from "zod";

const root = join(import.meta.dirname, "..");
const image = join(root, "dist/image");

const FILES = [
  "LICENSE",
  // By this file the CLI finds its root.
  "package-lock.json",
  "package.json",
  "apps/api/migrations",
  "apps/api/wrangler.jsonc",
  "apps/cli/bin",
  "dist/cli",
  "dist/release.json",
  "dist/web",
  "dist/worker",
];
/** What the bundled CLI still loads from node_modules, and the Node that runs it. */
const PACKAGES = ["miniflare", "node"];

const manifest = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});

await rm(image, { recursive: true, force: true });
await mkdir(image, { recursive: true });
// One call, so that large programs which npm has linked twice stay one file.
execFileSync("cp", ["--archive", "--parents", ...FILES, ...collectPackages(), image], { cwd: root, stdio: "inherit" });

/** The directories of these packages and of all that they need, as npm has laid them out. */
function collectPackages(): string[] {
  const found = new Set<string>();
  const open = PACKAGES.map((name) => ({ name, from: "" }));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const path = findPackage(next.name, next.from);
    // An optional one that is for another platform is not installed.
    if (path === null || found.has(path)) continue;
    found.add(path);
    const { dependencies, optionalDependencies } = manifest.parse(
      JSON.parse(readFileSync(join(root, path, "package.json"), "utf8")),
    );
    const names = Object.keys({ ...dependencies, ...optionalDependencies });
    open.push(...names.map((name) => ({ name, from: path })));
  }
  return [...found];
}

/** Looks where Node would: beside the package that asks, then further up. */
function findPackage(name: string, from: string): string | null {
  const candidate = join(from, "node_modules", name);
  if (existsSync(join(root, candidate, "package.json"))) return candidate;
  return from === "" ? null : findPackage(name, from === "." ? "" : dirname(from).replace(/^\.$/, ""));
}
