/** Creates a project with a history: sessions of the given lengths, filled through the workspaces' delivery route, newest last. */
import { projectView, type TaskView } from "@samovar/contracts";
import type { Installation } from "./installation.ts";
import { madeTranscript } from "./made-transcript.ts";
import { Person } from "./person.ts";
import { openWorkspaceDelivery } from "./workspace-delivery.ts";

/** The number of messages of each session, in the order of creation. */
export type Lengths = readonly number[];

const AT_ONCE = 4;

/** Returns the tasks in the order of `lengths`. `onProgress` receives the number of stored messages. */
export async function fillProject(
  here: Installation,
  project: Awaited<ReturnType<Person["makeProject"]>>,
  lengths: Lengths,
  onProgress: (stored: number) => void = () => {},
): Promise<TaskView[]> {
  const { id } = projectView.parse(project);
  const person = new Person(() => here);
  const tasks: TaskView[] = [];
  for (const [n] of lengths.entries())
    tasks.push(await person.submit(project, { description: `Tea number ${n}\n\nPour it slowly.`, agent: "script" }));
  let stored = 0;
  const waiting = tasks.map((task, n) => ({ session: task.sessionId, length: lengths[n] ?? 0 }));
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { session, length } = next;
      const delivery = await openWorkspaceDelivery(here, id, session);
      for (let from = 1; from < length; from += 500) {
        const count = Math.min(500, length - from);
        await delivery.deliver(madeTranscript(session, count, from));
        onProgress((stored += count));
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return tasks;
}
