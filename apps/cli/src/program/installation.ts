/** Commands about Samovar itself: starting it, checking it, its nodes, signing in. */
import { type Command, Option } from "commander";
import type { DoctorOptions } from "../commands/doctor.ts";
import type { DeploymentOptions } from "../up/deployment.ts";
import type { BindCommand, SharedOptions } from "./bind-command.ts";
import { parsePort } from "./parsers.ts";

export function registerInstallation(root: Command, bind: BindCommand): void {
  const up = root
    .command("up")
    .description("start Samovar on this machine; Ctrl-C stops it")
    .option("--port <port>", "port to listen on (default: 7266; 0 picks a free one)", parsePort)
    .addOption(
      new Option("--public-url <url>", "https address at which others reach it, through a proxy").env(
        "SAMOVAR_PUBLIC_URL",
      ),
    )
    .addOption(
      new Option("--cloud <name>", "where nodes run: local (default), hetzner or digitalocean").env("SAMOVAR_CLOUD"),
    )
    .addOption(new Option("--host <address>", "IP address to listen on (default: 127.0.0.1)").env("SAMOVAR_HOST"))
    .option("--no-open", "do not open a browser");
  bind<SharedOptions & DeploymentOptions & { port?: number; open: boolean }>(
    up,
    async ({ dataDir, json }, _args, { port, open, publicUrl, cloud, host }) => {
      const command = await import("../up/command.ts");
      return command.runUp({ port, publicUrl, cloud, host, dataDir, open, json });
    },
  );

  const demo = root
    .command("demo")
    .description("start everything and run a first task on a sample repository")
    .option("--once", "stop everything when the task ends, and exit with its code");
  bind<SharedOptions & { once?: boolean }>(demo, async (context, _args, { once = false, dataDir }) => {
    const command = await import("../demo/command.ts");
    return command.runDemo({ once }, { ...context, dataDir: dataDir ?? `${context.dataDir}-demo` });
  });

  const doctor = root
    .command("doctor")
    .description("check this machine, the running Samovar and its agents")
    .option("--public [url]", "check the public address instead, as others reach it");
  bind<SharedOptions & DoctorOptions>(doctor, async (context, _args, options) =>
    (await import("../commands/doctor.ts")).runDoctor(options, context),
  );
  const backup = root
    .command("backup <file>")
    .description("write everything that Samovar stores into a file, while it runs; - writes to standard output");
  bind(backup, async (context, [file = ""]) => (await import("../backup/back-up.ts")).backUp(file, context));
  const restore = root
    .command("restore <file>")
    .description("fill the empty data directory DIR of --data-dir from a backup; - reads standard input")
    .option("--take-over", "the original is gone for good: delete its servers and keep its identity");
  bind<SharedOptions & { takeOver?: boolean }>(restore, async (context, [file = ""], { takeOver = false }) =>
    (await import("../backup/restore.ts")).restore(file, { takeOver }, context),
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
