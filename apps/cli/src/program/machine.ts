/** Commands about Samovar itself: starting it, what it runs on, signing in. */
import type { Command } from "commander";
import type { Does, Shared } from "./does.ts";
import { portOf } from "./parsers.ts";

export function registerMachine(root: Command, does: Does): void {
  const up = root
    .command("up")
    .description("start Samovar on this machine; Ctrl-C stops it")
    .option("--port <port>", "where to listen (default: 7266; 0 picks a free one)", portOf)
    .option("--no-open", "do not open a browser");
  does<Shared & { port?: number; open: boolean }>(up, async ({ dataDir, json }, _words, { port, open }) => {
    const command = await import("../up/command.ts");
    return command.up({ port, dataDir, open, json });
  });

  const demo = root
    .command("demo")
    .description("start everything and run a first task on a repository made for it")
    .option("--once", "end with the task's outcome and leave nothing running");
  does<Shared & { once?: boolean }>(demo, async (context, _words, { once = false, dataDir }) => {
    const command = await import("../demo/command.ts");
    return command.demo({ once }, { ...context, dataDir: dataDir ?? `${context.dataDir}-demo` });
  });

  does(root.command("doctor").description("check what this machine has and lacks, agents included"), async (context) =>
    (await import("../commands/doctor.ts")).doctor(context),
  );
  does(root.command("nodes").description("list the machines that are there now"), async (context) =>
    (await import("../commands/lists.ts")).listNodes(context),
  );
  does(root.command("link").description("print a new one-time link that signs a browser in"), async (context) =>
    (await import("../commands/link.ts")).link(context),
  );
}
