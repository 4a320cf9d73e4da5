/**
 * Starts programs as a workspace's user, outside any sandbox: a program that leaves its sandbox, or has none, is still a user
 * without rights. All capability sets are emptied, even if the daemon is not root. Keeps S1 [R48].
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
