/** Which repositories this installation may clone: paths and private addresses make sense on one machine only. */
import { isPublicHost } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { Config } from "../config.ts";

/**
 * Throws `invalid_request` for a local path, and for a host inside a private network, where none is allowed: a node would
 * reach its cloud's metadata service or its neighbours by it. The address's own form is checked by the schema.
 */
export function assertRepoAllowed({ ALLOW_LOCAL_REPOS }: Pick<Config, "ALLOW_LOCAL_REPOS">, repoUrl: string): void {
  if (ALLOW_LOCAL_REPOS) return;
  if (repoUrl.startsWith("/")) {
    throw new SamovarError(
      "invalid_request",
      "repoUrl: a path works only where Samovar runs on your own machine. Use an https:// or git@host:path address.",
    );
  }
  if (isPublicHost(readHost(repoUrl))) return;
  throw new SamovarError(
    "invalid_request",
    "repoUrl: this host is inside a private network. Use the address of a server on the Internet.",
  );
}

const readHost = (repoUrl: string): string => /^git@([^:/]+):/.exec(repoUrl)?.[1] ?? new URL(repoUrl).hostname;
