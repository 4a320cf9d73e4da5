/**
 * Gives git a user name and a password through its environment and a credential helper that answers for one host only.
 * They are never in an argument or a file. Keeps S1.
 */
import type { Failure, GitCredential } from "@samovar/contracts";
import type { Result } from "@samovar/base";

/** A user name and a password for one host, with an optional port. */
export type GitLogin = NonNullable<GitCredential["credential"]>;

/** Requests the login for the workspace's repository; null when none is stored for its host. */
export type RequestLogin = () => Promise<Result<GitLogin | null, Failure>>;

const NAME = "SAMOVAR_GIT_USERNAME";
const PASSWORD = "SAMOVAR_GIT_PASSWORD";
/** Answers git's `get` and ignores `store` and `erase`. */
const HELPER = `!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$${NAME}" "$${PASSWORD}"; }; f`;

/** For https only; no other protocol asks for a password. */
export function getLoginSettings({ host }: GitLogin): readonly string[] {
  return [`credential.https://${host}.helper=${HELPER}`];
}

export function getLoginEnvironment({ username, password }: GitLogin): Readonly<Record<string, string>> {
  return { [NAME]: username, [PASSWORD]: password };
}

/** The host of an https address; null for other addresses, where a login cannot help. */
export function getLoginHost(repoUrl: string): string | null {
  return repoUrl.startsWith("https://") ? new URL(repoUrl).host : null;
}

/** Says how to resolve a refusal. `loginResult`: the result of requesting a login; null when none was requested. */
export function getRefusalHint(repoUrl: string, loginResult: Result<GitLogin | null, Failure> | null): string {
  const host = getLoginHost(repoUrl);
  if (host === null) return "Give this node's user an SSH key that may read and push there.";
  if (loginResult === null) return "";
  if (!loginResult.ok) return `The credential for ${host} could not be requested: ${loginResult.error.message}`;
  if (loginResult.value !== null)
    return `The stored credential for ${host} was refused: store one that may read and push.`;
  if (host === "github.com") return "Store a GitHub token that may read and push, then run the task again.";
  return `No credential is stored for ${host}: use an address that needs none, or ssh with a key of the node.`;
}
