/**
 * Starts programs as a workspace's user, before anything else that could hold them: what leaves a sandbox, or never was in
 * one, is a user without rights. All sets of capabilities are emptied, also those of a daemon that is not root. Keeps S1 [R48].
 */
import type { HostUser } from "@samovar/contracts";

type Argv = readonly [file: string, ...args: string[]];

const WITHOUT_RIGHTS = ["--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs"];

/** `user`: null for the user of this process. */
export function becomeUser(user: HostUser | null, argv: Argv): Argv {
  if (user === null) return argv;
  const id = String(user.id);
  return [user.setpriv, `--reuid=${id}`, `--regid=${id}`, "--clear-groups", ...WITHOUT_RIGHTS, "--", ...argv];
}
