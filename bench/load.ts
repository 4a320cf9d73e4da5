/** Many tasks at once on a new installation: throughput, time per task, and memory by kind of process. */
import { join } from "node:path";
import { terminalFaults, transcriptFaults } from "../tests/harness/promises.ts";
import { removeDirectory, startInstallation } from "../tests/harness/installation.ts";
import { Person } from "../tests/harness/person.ts";
import { makeRepository } from "../tests/harness/repository.ts";
import { say, script, sh, write } from "../tests/harness/scripts.ts";
import { type Peak, watchPeaks } from "./machine.ts";

const WAIT_TIMEOUT_MS = 600_000;

export interface Load {
  readonly tasks: number;
  /** From the first submission to the end of the last task. */
  readonly wholeMs: number;
  /** From submission to end, for each task. */
  readonly eachMs: readonly number[];
  readonly peaks: readonly Peak[];
}

/** Throws when a task does not complete, or its transcript does not verify. */
export async function measureLoad(tasks: number): Promise<Load> {
  const here = await startInstallation({ separateSession: true });
  try {
    const person = new Person(() => here);
    const project = await person.makeProject(makeRepository(join(here.dataDir, "repository")));
    const peaks = watchPeaks(here.dataDir);
    const submit = (n: number) => {
      const steps = [say("I will write a file."), write(`task-${n}.txt`, String(n)), sh("sleep 0.2"), say("Done.")];
      return person.submit(project, { description: script(`Task ${n}`, ...steps), run: true, agent: "script" });
    };
    const submitted = await Promise.all(Array.from({ length: tasks }, (_, n) => submit(n)));
    const ended = await person.ended(project, submitted, WAIT_TIMEOUT_MS);
    const faults = [...(await terminalFaults(person, ended)), ...(await transcriptFaults(here))];
    const others = ended.filter(({ status }) => status !== "completed");
    if (faults.length > 0 || others.length > 0)
      throw new Error(`not all went well: ${[...faults, ...others.map(({ failure }) => failure?.message)].join("; ")}`);
    const ends = ended.map(({ endedAt }) => endedAt ?? Number.NaN);
    return {
      tasks,
      wholeMs: Math.max(...ends) - Math.min(...ended.map(({ createdAt }) => createdAt)),
      eachMs: ended.map(({ createdAt }, n) => (ends[n] ?? Number.NaN) - createdAt),
      peaks: await peaks.stop(),
    };
  } finally {
    await here.stop();
    await removeDirectory(here.dataDir);
  }
}
