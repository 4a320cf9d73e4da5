/** A task's run, from text to pushed branch. */
import { WorkflowEntrypoint } from "cloudflare:workers";
import type { RunId, TaskId } from "@samovar/base";
import type { Env } from "../env.ts";

export interface TaskRunParams {
  readonly taskId: TaskId;
  readonly runId: RunId;
}

export class TaskRun extends WorkflowEntrypoint<Env, TaskRunParams> {}
