/** `samovar egress`: which hosts a project's workspaces may connect to. */
import type { SamovarClient } from "../client/samovar-client.ts";
import type { EgressMode, EgressPolicy, ProjectView } from "@samovar/contracts";
import { EGRESS_MODES, egressHost, egressMode, egressPolicy } from "@samovar/contracts";
import { DEFAULT_EGRESS_HOSTS } from "@samovar/domain/egress-hosts";
import { requireSamovar } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import { findProjects } from "../client/find.ts";
import { toSafeLine } from "../output/safe-text.ts";
import { formatTable } from "../output/table.ts";
import { type CommandContext, printJson } from "./context.ts";

const NAME_CHARS = 40;
const HOST_CHARS = 260;

export async function showEgress(name: string | undefined, context: CommandContext): Promise<number> {
  const { terminal, json } = context;
  const projects = await findProjects(await requireSamovar(context), name);
  if (json) {
    printJson(
      terminal,
      projects.map(({ id, name: projectName, egress }) => ({ id, name: projectName, egress })),
    );
    return 0;
  }
  const rows = projects.map((project) => [
    toSafeLine(project.name, NAME_CHARS),
    project.egress.mode,
    describeHosts(project.egress),
  ]);
  terminal.line(formatTable(["project", "egress", "hosts"], rows, "There are no projects yet.", terminal.style));
  return 0;
}

export interface EgressChange {
  readonly project: string;
  readonly mode: string;
  /** Separated by commas; absent: unchanged. */
  readonly hosts: string | undefined;
}

/** Throws {@link CliError} for a mode or host that is none. */
export async function setEgress({ project, mode, hosts }: EgressChange, context: CommandContext): Promise<number> {
  const wanted = parseMode(mode);
  const listed = hosts === undefined ? undefined : parseHosts(hosts);
  const client = await requireSamovar(context);
  const found = await requireProject(client, project);
  const egress = egressPolicy.safeParse({ mode: wanted, hosts: listed ?? found.egress.hosts });
  if (!egress.success)
    throw new CliError("That is not a usable list of hosts.", egress.error.issues[0]?.message ?? null);
  report(await client.patchProject(found.id, { egress: egress.data }), context);
  return 0;
}

export async function allowHost(name: string, host: string, context: CommandContext): Promise<number> {
  const [entry] = parseHosts(host);
  if (entry === undefined) throw new CliError("Name a host.", "Such as registry.example.com, or 10.0.0.7:5432.");
  const client = await requireSamovar(context);
  const project = await requireProject(client, name);
  report(await client.allowEgressHost(project.id, entry), context);
  return 0;
}

function report(project: ProjectView, { terminal, json }: CommandContext): void {
  if (json) printJson(terminal, project.egress);
  else {
    const name = toSafeLine(project.name, NAME_CHARS);
    terminal.line(`${name}: ${project.egress.mode}, ${describeHosts(project.egress)}, from the next session on.`);
  }
}

function describeHosts({ mode, hosts }: EgressPolicy): string {
  if (mode === "none") return "no hosts";
  const listed = hosts.map((host) => toSafeLine(host, HOST_CHARS)).join(", ");
  if (mode === "open") return listed === "" ? "all public hosts" : `all public hosts, and ${listed}`;
  return `${DEFAULT_EGRESS_HOSTS.length} by default${listed === "" ? "" : `, and ${listed}`}`;
}

function parseMode(text: string): EgressMode {
  const parsed = egressMode.safeParse(text);
  if (parsed.success) return parsed.data;
  throw new CliError(`There is no egress mode ${text}.`, `Choose one of: ${EGRESS_MODES.join(", ")}`);
}

function parseHosts(text: string): string[] {
  return text
    .split(",")
    .filter((host) => host.trim() !== "")
    .map((host) => {
      const parsed = egressHost.safeParse(host);
      if (parsed.success) return parsed.data;
      throw new CliError(`${host.trim()} is not a host.`, parsed.error.issues[0]?.message ?? null);
    });
}

async function requireProject(client: SamovarClient, name: string): Promise<ProjectView> {
  const [project, other] = await findProjects(client, name);
  if (project === undefined) throw new CliError(`No project is named ${name}.`, null);
  if (other === undefined) return project;
  throw new CliError(`Several projects are named ${name}.`, `Give an id: ${project.id}, ${other.id}`);
}
