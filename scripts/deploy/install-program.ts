/** Installs the Pulumi program's packages as its lock file says. Apart from the others, which most people need alone. */
import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

/** `directory`: infra/. Nothing to do if they are installed and the lock file has not changed since. */
export function installProgram(directory: string): void {
  const installed = join(directory, "node_modules/.package-lock.json");
  const isCurrent =
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(directory, "package-lock.json")).mtimeMs;
  if (isCurrent) return;
  const options = ["--ignore-scripts", "--omit=peer", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["ci", ...options], { cwd: directory, stdio: ["ignore", "inherit", "inherit"] });
}
