/**
 * The last thing that a clean run with a pushed branch may do: its pull request on GitHub. A wish: what goes wrong
 * becomes a warning of the output, and the task is completed all the same.
 */
import { redactText } from "@samovar/base";
import type { SessionEnd } from "@samovar/contracts";
import type { RunConclusion } from "@samovar/domain/task-run";
import { openPullRequest } from "../../github/pull-request.ts";
import type { PullRequestOutcome, WantedPullRequest } from "../../github/pull-request.ts";
import { githubRepository } from "../../github/repository.ts";
import type { RunJob } from "./run-job.ts";
import type { RunStory } from "./run-story.ts";
import { inSentences } from "./sentences.ts";

/** After these, GitHub is asked again; with the attempts' own limit that is about a minute and a quarter at most. */
const PAUSES_MS = [2_000, 10_000] as const;

export async function withPullRequest(
  story: RunStory,
  job: RunJob,
  end: SessionEnd,
  conclusion: RunConclusion,
): Promise<RunConclusion> {
  const { output } = conclusion;
  const wanted = wantedOf(job, end);
  if (conclusion.status !== "completed" || output === null || wanted === null) return conclusion;
  const outcome = await attempt(story, job, wanted);
  switch (outcome.kind) {
    case "no_token":
      return conclusion;
    case "opened":
      return { ...conclusion, output: { ...output, pullRequestUrl: outcome.url } };
    case "refused":
    case "unanswered": {
      const warning = inSentences([output.warning ?? "", outcome.warning]);
      return { ...conclusion, output: { ...output, warning } };
    }
  }
}

async function attempt(story: RunStory, job: RunJob, wanted: WantedPullRequest): Promise<PullRequestOutcome> {
  for (let tries = 0; ; tries++) {
    const outcome = await story.once(`finish: pull request ${tries + 1}`, () =>
      openPullRequest(story.deps, job.ownerId, wanted),
    );
    const pauseMs = PAUSES_MS[tries];
    if (outcome.kind !== "unanswered" || pauseMs === undefined) return outcome;
    await story.pause(`finish: GitHub ${tries + 1}`, pauseMs);
  }
}

/** Null where there is nothing to ask for, or nobody to ask. */
function wantedOf(
  { createCommand, task }: RunJob,
  { pushed, branch, commits, summary }: SessionEnd,
): WantedPullRequest | null {
  const { repoUrl, baseBranch: base } = createCommand.args;
  const repository = githubRepository(repoUrl);
  if (repository === null || !pushed || branch === null || commits.length === 0) return null;
  const body = `${summary === null ? "" : `${redactText(summary)}\n\n`}Task: ${task.id}\n`;
  return { repository, branch, base, title: task.title, body };
}
