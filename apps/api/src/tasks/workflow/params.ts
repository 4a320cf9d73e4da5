/** What a run's workflow is created with. */
import type { RunId, TaskId } from "@samovar/base";

export interface TaskRunParams {
  readonly taskId: TaskId;
  readonly runId: RunId;
}
