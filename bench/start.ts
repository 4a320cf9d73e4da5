/** Submit → agent running: on a new node, and on a warm one. */
import { page, taskEvent, type TaskEvent } from "@samovar/contracts";
import { type Installation, parseTask } from "../tests/harness/installation.ts";

const COLD_RUNS = 5;
const WARM_RUNS = 15;
const HELLO = "Say hello\n\n```say\nHello.\n```\n";

export async function measureStart(
  here: Installation,
  repository: string,
): Promise<{ cold: number[]; warm: number[] }> {
  const cold: number[] = [];
  for (let i = 0; i < COLD_RUNS; i++) {
    const { took, nodeId } = await measureOneStart(here, repository);
    cold.push(took);
    await here.api(`/api/nodes/${nodeId}/destroy`, { method: "POST", body: {} });
  }
  return { cold, warm: await measureWarmStart(here, repository) };
}

export async function measureWarmStart(here: Installation, repository: string): Promise<number[]> {
  await measureOneStart(here, repository);
  const warm: number[] = [];
  for (let i = 0; i < WARM_RUNS; i++) warm.push((await measureOneStart(here, repository)).took);
  return warm;
}

/** From the creation to the change to `in_progress`, at the agent's first event. */
export async function measureOneStart(
  here: Installation,
  repository: string,
): Promise<{ took: number; nodeId: string | null }> {
  const task = parseTask(await here.samovar(["run", "--json", "--agent", "script", "--repo", repository, HELLO]));
  if (task.status !== "completed") throw new Error(`a run ended ${task.status}: ${task.failure?.message ?? ""}`);
  const { items } = page(taskEvent).parse(
    await here.api(`/api/projects/${task.projectId}/tasks/${task.id}/events?limit=200`),
  );
  const running = items.find(becameRunning);
  if (running === undefined) throw new Error("a run never was in progress");
  return { took: running.at - task.createdAt, nodeId: task.nodeId };
}

const becameRunning = (event: TaskEvent) => event.kind === "status.changed" && event.data["to"] === "in_progress";
