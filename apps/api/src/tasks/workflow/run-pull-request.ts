/**
 * Opens the pull request on GitHub after a clean run has pushed its branch. Best effort: a failure becomes a warning in
 * the output, and the task is completed anyway.
 */
import { redactText } from "@samovar/base";
import type { SessionEnd } from "@samovar/contracts";
import type { RunConclusion } from "@samovar/domain/task-run";
import { openPullRequest } from "../../github/pull-request.ts";
import type { PullRequestOutcome, WantedPullRequest } from "../../github/pull-request.ts";
import { parseGitHubRepository } from "../../github/repository.ts";
import type { RunJob } from "./run-job.ts";
import type { RunContext } from "./run-context.ts";
import { joinSentences } from "./join-sentences.ts";

/** Pauses between attempts; with the time limit of each attempt, about 75 s in all. */
const PAUSES_MS = [2_000, 10_000] as const;

export async function withPullRequest(
  context: RunContext,
  job: RunJob,
  end: SessionEnd,
  conclusion: RunConclusion,
): Promise<RunConclusion> {
  const { output } = conclusion;
  const wanted = planPullRequest(job, end);
  if (conclusion.status !== "completed" || output === null || wanted === null) return conclusion;
  const outcome = await attempt(context, job, wanted);
  switch (outcome.kind) {
    case "no_token":
      return conclusion;
    case "opened":
      return { ...conclusion, output: { ...output, pullRequestUrl: outcome.url } };
    case "refused":
    case "unanswered": {
      const warning = joinSentences([output.warning ?? "", outcome.warning]);
      return { ...conclusion, output: { ...output, warning } };
    }
  }
}

async function attempt(context: RunContext, job: RunJob, wanted: WantedPullRequest): Promise<PullRequestOutcome> {
  for (let tries = 0; ; tries++) {
    const outcome = await context.once(`finish: pull request ${tries + 1}`, () =>
      openPullRequest(context.deps, job.ownerId, wanted),
    );
    const pauseMs = PAUSES_MS[tries];
    if (outcome.kind !== "unanswered" || pauseMs === undefined) return outcome;
    await context.pause(`finish: GitHub ${tries + 1}`, pauseMs);
  }
}

/** Null if the repository is not on GitHub or nothing was pushed. */
function planPullRequest(
  { createCommand, task }: RunJob,
  { pushed, branch, commits, summary }: SessionEnd,
): WantedPullRequest | null {
  const { repoUrl, baseBranch: base } = createCommand.args;
  const repository = parseGitHubRepository(repoUrl);
  if (repository === null || !pushed || branch === null || commits.length === 0) return null;
  const body = `${summary === null ? "" : `${redactText(summary)}\n\n`}Task: ${task.id}\n`;
  return { repository, branch, base, title: task.title, body };
}
