/** The Worker's bindings. `config.ts` parses the settings among them. */
import type { NodeLifecycleRpc } from "./nodes/durable-object/rpc.ts";
import type { ProjectDataRpc } from "./sessions/durable-object/rpc.ts";
import type { TaskRunParams } from "./tasks/workflow/params.ts";

export interface Env {
  readonly DB: D1Database;
  readonly PROJECT_DATA: DurableObjectNamespace<ProjectDataRpc>;
  readonly NODE_LIFECYCLE: DurableObjectNamespace<NodeLifecycleRpc>;
  readonly TASK_RUN: Workflow<TaskRunParams>;
  /** The built web app, and the vm-agent's release below `/agent/`. */
  readonly ASSETS: Fetcher;
  /** Settings and secrets: strings, parsed by `config.ts`. */
  readonly [setting: string]: unknown;
}
