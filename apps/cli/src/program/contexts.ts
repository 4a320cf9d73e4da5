/** The commands that choose which Samovar other commands use. */
import type { Command } from "commander";
import type { BindCommand } from "./bind-command.ts";

const load = () => import("../commands/contexts.ts");

export function registerContexts(root: Command, bind: BindCommand): void {
  const group = root.command("context").description("choose which Samovar commands use");
  bind(
    group.command("list", { isDefault: true }).description("list the Samovars that you have signed in to"),
    async (context) => (await load()).listContexts(context),
  );
  bind(
    group
      .command("use")
      .description("use this Samovar by default; `local` is the one on this machine")
      .argument("<name>"),
    async (context, [name = ""]) => (await load()).useContext(name, context),
  );
  bind(
    group.command("remove").description("revoke its token and remove it").argument("<name>"),
    async (context, [name = ""]) => (await load()).removeContext(name, context),
  );
}
