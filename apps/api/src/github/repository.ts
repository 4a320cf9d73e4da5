/** Which repository of GitHub an address names, if it is one; any other host is not GitHub, whatever it looks like. */

export interface GitHubRepository {
  readonly owner: string;
  readonly name: string;
  /** How git reaches it: a token is of use over https only. */
  readonly over: "https" | "ssh";
}

const HOST = "github.com";
/** `git@github.com:owner/name.git` */
const SCP = /^git@([^:/]+):\/?(.+)$/;
const OWNER = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98}[A-Za-z0-9])?$/;
const NAME = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}$/;

/** Null for any other host, another port, plain http, and paths that are no repository's. */
export function parseGitHubRepository(repoUrl: string): GitHubRepository | null {
  const place = parseAddress(repoUrl);
  if (place === null) return null;
  const [owner = "", file = "", ...rest] = place.path.replace(/^\//, "").replace(/\/$/, "").split("/");
  const name = file.replace(/\.git$/, "");
  if (rest.length > 0 || !OWNER.test(owner) || !NAME.test(name)) return null;
  return { owner, name, over: place.over };
}

function parseAddress(repoUrl: string): { readonly path: string; readonly over: "https" | "ssh" } | null {
  const [, scpHost, scpPath] = SCP.exec(repoUrl) ?? [];
  if (scpHost !== undefined && scpPath !== undefined)
    return scpHost.toLowerCase() === HOST ? { path: scpPath, over: "ssh" } : null;
  const url = URL.parse(repoUrl);
  if (url === null || url.search !== "" || url.hash !== "") return null;
  const place = `${url.protocol}//${url.host.toLowerCase()}`;
  if (place === `https://${HOST}` && url.username === "" && url.password === "")
    return { path: url.pathname, over: "https" };
  // The second is GitHub's way through firewalls.
  const isSsh = ["ssh://github.com", "ssh://github.com:22", "ssh://ssh.github.com:443"].includes(place);
  return isSsh && url.username === "git" ? { path: url.pathname, over: "ssh" } : null;
}
