/** The Worker's bindings, as the platform gives them; `config.ts` parses the settings among them. */
import type { NodeLifecycle } from "./nodes/durable-object/node-lifecycle.ts";
import type { ProjectData } from "./sessions/durable-object/project-data.ts";
import type { TaskRunParams } from "./tasks/workflow/task-run.ts";

export interface Env {
  readonly DB: D1Database;
  readonly PROJECT_DATA: DurableObjectNamespace<ProjectData>;
  readonly NODE_LIFECYCLE: DurableObjectNamespace<NodeLifecycle>;
  readonly TASK_RUN: Workflow<TaskRunParams>;
  /** The built web app, and the vm-agent's release below `/agent/`. */
  readonly ASSETS: Fetcher;
  /** Settings and secrets: strings, parsed once by `config.ts`. */
  readonly [setting: string]: unknown;
}
