/** Which repositories this installation may clone: a path on the node makes sense on one machine only. */
import { SamovarError } from "@samovar/contracts";
import type { Config } from "../config.ts";

/** Throws `invalid_request` for a local path where none is allowed. The address's own form is checked by the schema. */
export function assertRepoAllowed({ ALLOW_LOCAL_REPOS }: Pick<Config, "ALLOW_LOCAL_REPOS">, repoUrl: string): void {
  if (!repoUrl.startsWith("/") || ALLOW_LOCAL_REPOS) return;
  throw new SamovarError(
    "invalid_request",
    "repoUrl: a path works only where Samovar runs on your own machine. Use an https:// or git@host:path address.",
  );
}
