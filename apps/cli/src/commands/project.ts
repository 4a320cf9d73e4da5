/** `samovar project`: shows a project's settings, and changes those that are rights of its agents. */
import {
  demandedRuntime,
  type PatchProject,
  type ProjectView,
  repositorySettings,
  SamovarError,
} from "@samovar/contracts";
import { requireSamovar } from "../client/connect.ts";
import { findProjects } from "../client/find.ts";
import { toSafeLine } from "../output/safe-text.ts";
import { formatTable } from "../output/table.ts";
import { type CommandContext, printJson } from "./context.ts";

const VALUE_CHARS = 200;

export interface ProjectOptions {
  /** `sandbox`, `docker` or `node`; absent changes nothing. */
  readonly runtime?: string | undefined;
  /** `used` or `ignored`; absent changes nothing. */
  readonly repositorySettings?: string | undefined;
}

export async function showProject(name: string, options: ProjectOptions, context: CommandContext): Promise<number> {
  const client = await requireSamovar(context);
  const [found] = await findProjects(client, name);
  if (found === undefined) throw new SamovarError("not_found", `There is no project ${name}.`);
  const changes = readChanges(options);
  const project = Object.keys(changes).length === 0 ? found : await client.patchProject(found.id, changes);
  if (context.json) printJson(context.terminal, project);
  else context.terminal.line(formatTable(["setting", "value"], listSettings(project), "", context.terminal.style));
  return 0;
}

function readChanges(options: ProjectOptions): PatchProject {
  const runtime = options.runtime === "node" ? null : demandedRuntime.safeParse(options.runtime).data;
  const use = repositorySettings.safeParse(options.repositorySettings).data;
  return {
    ...(runtime === undefined ? {} : { runtime }),
    ...(use === undefined ? {} : { repositorySettings: use }),
  };
}

function listSettings(project: ProjectView): string[][] {
  const { checkout, commitIdentity: author } = project;
  const enabled = Object.entries(checkout).flatMap(([feature, isOn]) => (isOn ? [feature] : []));
  const rows = [
    ["id", project.id],
    ["name", project.name],
    ["repository", project.repoUrl],
    ["base branch", project.baseBranch ?? "the repository's default"],
    ["node size", project.defaultVmSize ?? "installation default"],
    ["agent", project.defaultAgent ?? "installation default"],
    ["commit author", author === null ? "installation default" : `${author.name} <${author.email}>`],
    ["git features", enabled.length === 0 ? "none" : enabled.join(", ")],
    ["runtime", project.runtime === null ? "the node's" : `${project.runtime}, or the task fails`],
    ["repository's agent settings", project.repositorySettings],
  ];
  return rows.map(([label = "", value = ""]) => [label, toSafeLine(value, VALUE_CHARS)]);
}
