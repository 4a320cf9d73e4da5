/** Commands about a project's egress: which hosts its workspaces may connect to. */
import type { Command } from "commander";
import type { BindCommand, SharedOptions } from "./bind-command.ts";

const loadEgress = () => import("../commands/egress.ts");

export function registerEgress(root: Command, bind: BindCommand): void {
  const egress = root
    .command("egress")
    .description("show and change which hosts a project's workspaces may connect to");
  bind(
    egress
      .command("show", { isDefault: true })
      .description("show each project's mode and hosts, or those of one")
      .argument("[project]"),
    async (context, [project]) => (await loadEgress()).showEgress(project, context),
  );
  const set = egress
    .command("set")
    .description("set a project's mode: open, allow-list or none")
    .argument("<project>")
    .argument("<mode>")
    .option("--hosts <hosts>", "replace its hosts, separated by commas (empty: none)");
  bind<SharedOptions & { hosts?: string }>(set, async (context, [project = "", mode = ""], { hosts }) =>
    (await loadEgress()).setEgress({ project, mode, hosts }, context),
  );
  bind(
    egress
      .command("allow")
      .description("allow a project one more host, from its next session on")
      .argument("<project>")
      .argument("<host>"),
    async (context, [project = "", host = ""]) => (await loadEgress()).allowHost(project, host, context),
  );
}
