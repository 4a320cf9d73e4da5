/** Commands about workspaces, above all those retained after a failure. */
import type { Command } from "commander";
import type { BindCommand, SharedOptions } from "./bind-command.ts";
import { parseTime } from "./parsers.ts";

const loadChanges = () => import("../commands/workspaces/change.ts");
const DEFAULT_TIME = "4h";

export function registerWorkspaces(root: Command, bind: BindCommand): void {
  const workspaces = root.command("workspaces").description("list, inspect, extend and remove workspaces");
  const list = workspaces
    .command("list", { isDefault: true })
    .description("list workspaces: why each is retained, and for how long")
    .option("--all", "include destroyed workspaces");
  bind<SharedOptions & { all?: boolean }>(list, async (context, _args, { all = false }) =>
    (await import("../commands/workspaces/list.ts")).listWorkspaces(all, context),
  );

  const open = workspaces
    .command("open")
    .description("show a workspace: its path, branch and changed files")
    .argument("<workspace>")
    .option("--diff", "show the changed lines")
    .option("--shell", "start a shell in it, if it is on this machine");
  bind<SharedOptions & { diff?: boolean; shell?: boolean }>(
    open,
    async (context, [id = ""], { diff = false, shell = false }) =>
      (await import("../commands/workspaces/open.ts")).openWorkspace(id, { diff, shell }, context),
  );

  const extend = workspaces
    .command("extend")
    .description("extend the time for which a workspace is retained")
    .argument("<workspace>")
    .option("--for <time>", `how long from now, such as 30m, 8h or 2d (default: ${DEFAULT_TIME})`, parseTime);
  bind<SharedOptions & { for?: number }>(
    extend,
    async (context, [id = ""], { for: keepForMs = parseTime(DEFAULT_TIME) }) =>
      (await loadChanges()).extendRetention(id, keepForMs, context),
  );
  bind(
    workspaces.command("destroy").description("remove a retained workspace and its contents").argument("<workspace>"),
    async (context, [id = ""]) => (await loadChanges()).destroyWorkspace(id, context),
  );
}
