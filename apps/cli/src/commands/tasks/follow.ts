/** Follows a submitted task and prints its outcome, for `run`, `start` and `retry`. */
import type { ProjectView, TaskEvent, TaskView } from "@samovar/contracts";
import { toSafeLine } from "../../output/safe-text.ts";
import { formatOutcome } from "../../output/task-outcome.ts";
import { type CommandContext, printJson } from "../context.ts";
import { toExitCode, watchTask } from "../watch.ts";

export interface FollowChoice {
  /** False: returns as soon as the task is submitted. */
  readonly follow: boolean;
  /** Events of earlier attempts. */
  readonly known?: readonly TaskEvent[];
}

/** The exit code: 0 completed (or only submitted), 1 failed, 3 cancelled, 130 detached. */
export async function follow(
  task: TaskView,
  project: ProjectView,
  { follow: shouldFollow, known }: FollowChoice,
  context: CommandContext,
): Promise<number> {
  const { json, terminal } = context;
  if (json) printJson(terminal, { event: "submitted", task });
  else
    terminal.line(
      `${terminal.style.bold(toSafeLine(task.title, 200))}\n${terminal.style.dim(`${task.id} in ${toSafeLine(project.name, 80)}`)}`,
    );
  if (!shouldFollow) return 0;
  const { task: last, events, ended } = await watchTask(task, context, known);
  if (json) printJson(terminal, { event: ended ? "ended" : "detached", task: last });
  else if (ended) terminal.line(`\n${formatOutcome(last, events, terminal.style).join("\n")}`);
  else
    terminal.line(
      `\nDetached. ${last.id} is still ${last.status.replace("_", " ")}. See it with: samovar task ${last.id}`,
    );
  return ended ? toExitCode(last) : 130;
}
