/** The parameters of a run's workflow. */
import type { RunId, TaskId } from "@samovar/base";

export interface TaskRunParams {
  readonly taskId: TaskId;
  readonly runId: RunId;
}
