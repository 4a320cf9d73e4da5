/** Commands about workspaces, above all those that are kept after a failure. */
import type { Command } from "commander";
import type { Does, Shared } from "./does.ts";
import { durationOf } from "./parsers.ts";

const changing = () => import("../commands/workspaces/change.ts");
const DEFAULT_TIME = "4h";

export function registerWorkspaces(root: Command, does: Does): void {
  const workspaces = root.command("workspaces").description("list workspaces; look into them, keep them, remove them");
  const list = workspaces
    .command("list", { isDefault: true })
    .description("list them: why each is kept, and for how long")
    .option("--all", "those that are gone too");
  does<Shared & { all?: boolean }>(list, async (context, _words, { all = false }) =>
    (await import("../commands/workspaces/list.ts")).listWorkspaces(all, context),
  );

  const open = workspaces
    .command("open")
    .description("look into a workspace: its branch and what has changed")
    .argument("<workspace>")
    .option("--diff", "show what has changed line by line")
    .option("--shell", "start a shell in it, when it is on this machine");
  does<Shared & { diff?: boolean; shell?: boolean }>(
    open,
    async (context, [id = ""], { diff = false, shell = false }) =>
      (await import("../commands/workspaces/open.ts")).openWorkspace(id, { diff, shell }, context),
  );

  const extend = workspaces
    .command("extend")
    .description("keep a kept workspace for longer")
    .argument("<workspace>")
    .option("--for <time>", `how long from now, such as 30m, 8h or 2d (default: ${DEFAULT_TIME})`, durationOf);
  does<Shared & { for?: number }>(extend, async (context, [id = ""], { for: keepForMs = durationOf(DEFAULT_TIME) }) =>
    (await changing()).giveTime(id, keepForMs, context),
  );
  does(
    workspaces.command("destroy").description("remove a kept workspace and what is in it").argument("<workspace>"),
    async (context, [id = ""]) => (await changing()).destroyWorkspace(id, context),
  );
}
