/** How the installation of an agent's package is identified on a node. */
import type { AgentPackage } from "@samovar/contracts";

type InstalledPackage = Pick<AgentPackage, "name" | "version" | "lockfiles">;

/** SHA-256 of the lockfile that Samovar ships for the package; null when it ships none. */
export function getLockfileDigest({ name, lockfiles }: InstalledPackage): string | null {
  return lockfiles?.[name] ?? null;
}

/** The name of its directory. With another lockfile, or without one, the same package is another installation. */
export function nameInstallation(installed: InstalledPackage): string {
  const digest = getLockfileDigest(installed);
  const suffix = digest === null ? "" : `-${digest.slice(0, 12)}`;
  return `${installed.name.replace("/", "+")}-${installed.version}${suffix}`;
}
