/** Tests a deployed Samovar from outside: it answers, its owner can sign in, and optionally a task runs on a node. */
import type { SamovarClient } from "@samovar/cli/client/samovar-client";
import { isTerminal } from "@samovar/domain/task-status";
import { DeployError } from "./deploy-error.ts";

export interface Waiting {
  /** Resolves after that time. */
  pause(ms: number): Promise<void>;
}

const PAUSE_MS = 2_000;
/** A new name below workers.dev takes a while to resolve everywhere. */
const HEALTH_ATTEMPTS = 60;

/** Throws {@link DeployError} if the Worker does not answer as healthy. */
export async function waitUntilHealthy(url: string, { pause }: Waiting): Promise<void> {
  let last = "";
  for (let attempt = 1; attempt <= HEALTH_ATTEMPTS; attempt++) {
    last = await readHealth(url);
    if (last === "") return;
    if (attempt < HEALTH_ATTEMPTS) await pause(PAUSE_MS);
  }
  throw new DeployError(
    `The smoke test failed: ${url}/api/health ${last}.`,
    "The Worker is deployed. See its log with: npx wrangler tail samovar. To restore the previous version: npx wrangler rollback --name samovar",
  );
}

const ANSWER_TIMEOUT_MS = 10_000;

/** Empty if it is healthy. */
async function readHealth(url: string): Promise<string> {
  try {
    const response = await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    if (!response.ok) return `answers ${response.status}`;
    const body: unknown = await response.json();
    return typeof body === "object" && body !== null && "ok" in body && body.ok === true
      ? ""
      : "gives an unexpected answer";
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return `does not answer (${cause})`;
  }
}

const SMOKE_TASK = `Smoke test

\`\`\`say
The node runs, and messages arrive.
\`\`\`
`;

/** Runs a task of the script agent, which needs no model, on that repository. Returns the task's id. */
export async function runSmokeTask(client: SamovarClient, repoUrl: string, { pause }: Waiting): Promise<string> {
  const project = await client.createProject({ name: "Smoke test", repoUrl });
  try {
    let task = await client.createTask(project.id, { description: SMOKE_TASK, agent: "script", run: true });
    for (; !isTerminal(task.status); task = await client.task(project.id, task.id)) await pause(PAUSE_MS);
    if (task.status !== "completed")
      throw new DeployError(
        `The smoke test's task is ${task.status}: ${task.failure?.message ?? "no reason was recorded"}`,
        `See the task at ${client.url}/task/${task.id}. The Worker is deployed.`,
      );
    const { agreed } = await client.verification(project.id, task.id);
    if (!agreed)
      throw new DeployError(
        "The smoke test's task has completed, but its transcript is incomplete.",
        `See the task at ${client.url}/task/${task.id}.`,
      );
    return task.id;
  } finally {
    await client.patchProject(project.id, { archived: true });
  }
}
