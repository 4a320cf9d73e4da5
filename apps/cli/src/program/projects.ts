/** The command about a project's settings. */
import { DEMANDED_RUNTIMES, REPOSITORY_SETTINGS } from "@samovar/contracts";
import { type Command, Option } from "commander";
import type { BindCommand, SharedOptions } from "./bind-command.ts";

export function registerProjects(root: Command, bind: BindCommand): void {
  const project = root
    .command("project")
    .description("show a project's settings, or change them")
    .argument("<name>")
    .addOption(
      new Option(
        "--runtime <runtime>",
        "run its tasks in this runtime or not at all; node: in whatever its nodes have",
      ).choices([...DEMANDED_RUNTIMES, "node"]),
    )
    .addOption(
      new Option(
        "--repository-settings <use>",
        "whether agents use the repository's own settings, hooks and servers, which can run programs",
      ).choices(REPOSITORY_SETTINGS),
    );
  bind<SharedOptions & { runtime?: string; repositorySettings?: string }>(
    project,
    async (context, [name = ""], { runtime, repositorySettings }) =>
      (await import("../commands/project.ts")).showProject(name, { runtime, repositorySettings }, context),
  );
}
