/** Installs the Pulumi program's packages from their lock file. They are separate, because most people do not need them. */
import { execFileSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

/** `directory`: infra/. Does nothing if they are installed and the lock file is unchanged. */
export function installProgram(directory: string): void {
  const installed = join(directory, "node_modules/.package-lock.json");
  const isCurrent =
    existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(directory, "package-lock.json")).mtimeMs;
  if (isCurrent) return;
  const options = ["--ignore-scripts", "--omit=peer", "--omit=optional", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync("npm", ["ci", ...options], { cwd: directory, stdio: ["ignore", "inherit", "inherit"] });
}
