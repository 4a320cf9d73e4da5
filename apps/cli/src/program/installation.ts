/** Commands about Samovar itself: starting it, checking it, its nodes, signing in. */
import type { Command } from "commander";
import type { BindCommand, SharedOptions } from "./bind-command.ts";
import { parsePort } from "./parsers.ts";

export function registerInstallation(root: Command, bind: BindCommand): void {
  const up = root
    .command("up")
    .description("start Samovar on this machine; Ctrl-C stops it")
    .option("--port <port>", "port to listen on (default: 7266; 0 picks a free one)", parsePort)
    .option("--no-open", "do not open a browser");
  bind<SharedOptions & { port?: number; open: boolean }>(up, async ({ dataDir, json }, _args, { port, open }) => {
    const command = await import("../up/command.ts");
    return command.runUp({ port, dataDir, open, json });
  });

  const demo = root
    .command("demo")
    .description("start everything and run a first task on a sample repository")
    .option("--once", "stop everything when the task ends, and exit with its code");
  bind<SharedOptions & { once?: boolean }>(demo, async (context, _args, { once = false, dataDir }) => {
    const command = await import("../demo/command.ts");
    return command.runDemo({ once }, { ...context, dataDir: dataDir ?? `${context.dataDir}-demo` });
  });

  bind(root.command("doctor").description("check this machine, the running Samovar and its agents"), async (context) =>
    (await import("../commands/doctor.ts")).runDoctor(context),
  );
  bind(root.command("nodes").description("list the nodes"), async (context) =>
    (await import("../commands/lists.ts")).listNodes(context),
  );
  const login = root
    .command("login")
    .description(
      "with an address: sign this command line in to that Samovar; without: print a sign-in link for a browser",
    )
    .argument("[url]", "address of a Samovar, such as https://samovar.example.com")
    .option("--name <name>", "name of the new context (default: the host)")
    .option("--no-open", "do not open a browser");
  bind<SharedOptions & { name?: string; open: boolean }>(login, async (context, [url], { name, open }) => {
    const { logIn, printSignInLink } = await import("../commands/login.ts");
    return url === undefined ? printSignInLink(context) : logIn({ url, name, open }, context);
  });
}
