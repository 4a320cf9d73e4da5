/** The Worker: its entry points, its objects and its workflow. Nothing else is exported from here. */
import type { Env } from "./env.ts";
import { createApp } from "./app.ts";
import { runSweep } from "./sweep/sweep.ts";

export { NodeLifecycle } from "./nodes/durable-object/node-lifecycle.ts";
export { ProjectData } from "./sessions/durable-object/project-data.ts";
export { TaskRun } from "./tasks/workflow/task-run.ts";

const app = createApp();

export default {
  fetch: (request, env, context) => app.fetch(request, env, context),
  async scheduled(event, env) {
    await runSweep(env, event.scheduledTime);
  },
} satisfies ExportedHandler<Env>;
