/**
 * Opens a pull request for a branch that was pushed. Repeatable: one that is there already is found by its branch.
 * Whatever goes wrong is an answer with what a person can do, never an exception.
 */
import { errorMessage } from "@samovar/base";
import type { UserId } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import * as z from "zod";
import { readCredential } from "../credentials/store.ts";
import type { Deps } from "../deps.ts";
import { askGitHub } from "./ask-github.ts";
import type { GitHubAccess, GitHubFault } from "./ask-github.ts";
import type { GitHubRepository } from "./repository.ts";

export interface WantedPullRequest {
  readonly repository: Pick<GitHubRepository, "owner" | "name">;
  readonly branch: string;
  /** Null: the repository's default branch. */
  readonly base: string | null;
  readonly title: string;
  readonly body: string;
}

export type PullRequestOutcome =
  | { readonly kind: "opened"; readonly url: string }
  /** The owner has stored no token for GitHub: nothing was wanted. */
  | { readonly kind: "no_token" }
  /** `refused` will be refused again; `unanswered` may pass, and may have been done. */
  | { readonly kind: "refused" | "unanswered"; readonly warning: string };

/** The longest that one attempt takes, all its requests together. */
const ATTEMPT_TIMEOUT_MS = 20_000;
/** GitHub takes 256 and 65,536. */
const MAX_TITLE_CHARS = 250;
const MAX_BODY_CHARS = 60_000;

const repositoryReply = z.object({
  name: z.string(),
  owner: z.object({ login: z.string() }),
  default_branch: z.string(),
});
const pullRequestReply = z.object({ html_url: z.url({ protocol: /^https?$/ }) });

export async function openPullRequest(
  { env, config, logger }: Pick<Deps, "env" | "config" | "logger">,
  ownerId: UserId,
  wanted: WantedPullRequest,
): Promise<PullRequestOutcome> {
  try {
    const secret = await readCredential(env, ownerId, "github");
    if (secret?.kind !== "github") return { kind: "no_token" };
    const signal = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS);
    return await open({ apiUrl: config.GITHUB_API_URL, token: secret.token, signal }, wanted);
  } catch (error) {
    if (error instanceof SamovarError) return { kind: "refused", warning: warn(wanted, error.message) };
    logger.error("pull_request.failed", { error });
    return { kind: "unanswered", warning: warn(wanted, `${errorMessage(error).slice(0, 200)}.`) };
  }
}

async function open(access: GitHubAccess, wanted: WantedPullRequest): Promise<PullRequestOutcome> {
  const { branch, title, body } = wanted;
  // The answer has the repository's current name, which later requests use, and its default branch.
  const repository = await askGitHub(access, "GET", repositoryPath(wanted.repository), repositoryReply);
  if (!repository.ok) return toOutcome(wanted, repository.error);
  const { name, owner, default_branch: defaultBranch } = repository.value;
  const path = `${repositoryPath({ owner: owner.login, name })}/pulls`;
  const asked = {
    title: title.slice(0, MAX_TITLE_CHARS),
    body: body.slice(0, MAX_BODY_CHARS),
    head: branch,
    base: wanted.base ?? defaultBranch,
  };
  const made = await askGitHub(access, "POST", path, pullRequestReply, asked);
  if (made.ok) return { kind: "opened", url: made.value.html_url };
  if (made.error.status !== 422) return toOutcome(wanted, made.error);
  const query = new URLSearchParams({ state: "all", head: `${owner.login}:${branch}`, per_page: "1" });
  const there = await askGitHub(access, "GET", `${path}?${query}`, z.array(pullRequestReply));
  if (!there.ok) return toOutcome(wanted, there.error);
  const [found] = there.value;
  return found === undefined ? toOutcome(wanted, made.error) : { kind: "opened", url: found.html_url };
}

const repositoryPath = ({ owner, name }: Pick<GitHubRepository, "owner" | "name">) =>
  `/repos/${encodeURIComponent(owner)}/${encodeURIComponent(name)}`;

function toOutcome(wanted: WantedPullRequest, fault: GitHubFault): PullRequestOutcome {
  const mayPass = fault.status === null || fault.status >= 500 || fault.isLimited;
  return { kind: mayPass ? "unanswered" : "refused", warning: warn(wanted, describeRemedy(wanted, fault)) };
}

function describeRemedy(
  { repository: { owner, name } }: WantedPullRequest,
  { status, reason, isLimited }: GitHubFault,
): string {
  if (isLimited) return `GitHub limits the rate of requests (${reason}).`;
  switch (status) {
    case null:
      return `GitHub did not answer (${reason}).`;
    case 401:
      return "GitHub refuses the stored token: it may have expired. Store a new one in the settings.";
    case 403:
      return `The stored token may not open pull requests in ${owner}/${name} (${reason}). Give it write access to them.`;
    case 404:
      return `The stored token does not see ${owner}/${name}. Give it access to this repository.`;
    default:
      return `GitHub answered ${status} (${reason}).`;
  }
}

function warn({ repository: { owner, name }, branch }: WantedPullRequest, why: string): string {
  const byHand = `https://github.com/${owner}/${name}/pull/new/${branch.split("/").map(encodeURIComponent).join("/")}`;
  return `The branch is pushed, but its pull request was not opened. ${why} You can open it by hand (${byHand}).`;
}
