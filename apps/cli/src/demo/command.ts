/** `samovar demo`: starts everything, runs a real task on a sample repository, and shows where to look at it. */
import { join } from "node:path";
import type { CommandContext } from "../commands/context.ts";
import { run } from "../commands/tasks/run.ts";
import { describeRuntime, findNodeRuntime } from "../node-runtime.ts";
import { findFreePort, isFreePort } from "../up/control-plane.ts";
import { DEFAULT_PORT, type Stack, startStack, waitForStopSignal } from "../up/stack.ts";
import { DEMO_TASK, makeDemoRepository } from "./repository.ts";

export interface DemoOptions {
  /** Exits with the task's exit code instead of staying up. */
  readonly once: boolean;
}

/** `context.dataDir` belongs to the demo alone, so it never touches the user's projects. */
export async function runDemo(options: DemoOptions, context: CommandContext): Promise<number> {
  const { terminal, dataDir } = context;
  const stopped = options.once ? null : waitForStopSignal();
  terminal.line("Starting Samovar on this machine …");
  const port = (await isFreePort(DEFAULT_PORT)) ? DEFAULT_PORT : await findFreePort();
  const stack = await startStack({ dataDir, port, env: process.env });
  try {
    const repository = join(dataDir, "tea-house");
    await makeDemoRepository(repository);
    terminal.line(`Running at ${stack.pageUrl}, with a repository at ${repository} that has a failing test.`);
    terminal.line(`${describeRuntime(await findNodeRuntime(dataDir, process.env))}\n`);
    const code = await run(DEMO_TASK, { repo: repository, agent: "script", backlog: false }, context);
    if (stopped === null) return code;
    await printNextSteps(stack, repository, context);
    await stopped;
    terminal.note("\nStopping …");
    return 0;
  } finally {
    await stack.stop();
  }
}

async function printNextSteps(stack: Stack, repository: string, { terminal, dataDir }: CommandContext): Promise<void> {
  const link = await stack.client.createLink();
  terminal.line(`
Look at it     ${link.url}
See the work   git -C ${repository} log --all --stat
Run your own   npx samovar run --data-dir ${dataDir} --repo PATH "what to do"

Ctrl-C stops everything.`);
}
