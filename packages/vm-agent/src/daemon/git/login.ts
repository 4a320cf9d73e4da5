/**
 * How git gets a name and a password: from its environment through a helper that answers for one host alone.
 * Neither an argument nor a file ever holds them. Keeps S1.
 */
import type { Failure, GitCredential } from "@samovar/contracts";
import type { Result } from "@samovar/base";

/** A name and a password for one host, which may have a port. */
export type GitLogin = NonNullable<GitCredential["credential"]>;

/** Asks for the login of the workspace's repository; null when none is stored for its host. */
export type AskLogin = () => Promise<Result<GitLogin | null, Failure>>;

const NAME = "SAMOVAR_GIT_USERNAME";
const PASSWORD = "SAMOVAR_GIT_PASSWORD";
/** Answers git's `get`; what git would have it store or erase does not concern it. */
const HELPER = `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$${NAME}" "$${PASSWORD}"; }; f`;

/** Over https alone: nowhere else is a password asked for. */
export function loginSettings({ host }: GitLogin): readonly string[] {
  return [`credential.https://${host}.helper=${HELPER}`];
}

export function loginEnvironment({ username, password }: GitLogin): Readonly<Record<string, string>> {
  return { [NAME]: username, [PASSWORD]: password };
}

/** The host of an address where a login may help; null for all others. */
export function loginHost(repoUrl: string): string | null {
  return repoUrl.startsWith("https://") ? new URL(repoUrl).host : null;
}

/** What a person can do about a refusal. `asked`: what asking for a login came to; null where it was not asked for. */
export function refusalHint(repoUrl: string, asked: Result<GitLogin | null, Failure> | null): string {
  const host = loginHost(repoUrl);
  if (host === null) return "Give this node's user a key that may read and push there.";
  if (asked === null) return "";
  if (!asked.ok) return `The credential for ${host} could not be asked for: ${asked.error.message}`;
  if (asked.value !== null) return `The stored credential for ${host} was refused: store one that may read and push.`;
  if (host === "github.com") return "Store a GitHub token that may read and push, then run the task again.";
  return `No credential is stored for ${host}: use an address that asks for none, or ssh with a key of the node.`;
}
