/** The tasks that can become dependencies: open ones first, then newest first. Pure. */
import type { TaskId } from "@samovar/base";
import type { TaskStatus, TaskView } from "@samovar/contracts";

const SHOWN = 8;
const LATER: Readonly<Record<TaskStatus, number>> = {
  in_progress: 0,
  delegated: 0,
  queued: 0,
  ready: 1,
  draft: 1,
  completed: 2,
  failed: 3,
  cancelled: 3,
};

export function findCandidates(
  tasks: readonly TaskView[],
  words: string,
  chosen: readonly TaskId[],
  without: TaskId | null,
): readonly TaskView[] {
  const asked = words.trim().toLowerCase();
  return tasks
    .filter((task) => task.id !== without && !chosen.includes(task.id))
    .filter((task) => task.title.toLowerCase().includes(asked))
    .toSorted((a, b) => LATER[a.status] - LATER[b.status] || (a.id < b.id ? 1 : -1))
    .slice(0, SHOWN);
}
