/** What a person typed about a project, as a change that is yet to be checked. Pure. */
import type { PatchProject } from "@samovar/contracts";
import { demandedRuntime, egressMode, vmSize } from "@samovar/contracts";

export function readProjectForm(form: Pick<FormData, "get">): PatchProject {
  const text = (name: string) => String(form.get(name) ?? "").trim();
  const orNull = (name: string) => (text(name) === "" ? null : text(name));
  const checked = (name: string) => form.get(name) !== null;
  const [name, email] = [text("commitName"), text("commitEmail")];
  return {
    name: text("name"),
    repoUrl: text("repoUrl"),
    baseBranch: orNull("baseBranch"),
    defaultVmSize: vmSize.safeParse(text("defaultVmSize")).data ?? null,
    defaultAgent: orNull("defaultAgent"),
    runtime: demandedRuntime.safeParse(text("runtime")).data ?? null,
    commitIdentity: name === "" && email === "" ? null : { name, email },
    repositorySettings: checked("repositorySettings") ? "used" : "ignored",
    egress: { mode: egressMode.safeParse(text("egressMode")).data ?? "open", hosts: readHosts(text("egressHosts")) },
    checkout: { submodules: checked("submodules"), lfs: checked("lfs"), hooks: checked("hooks") },
  };
}

/** One a line; commas and spaces separate, too. Each once. */
const readHosts = (text: string): string[] => [
  ...new Set(
    text
      .split(/[\s,]+/)
      .map((host) => host.toLowerCase())
      .filter((host) => host !== ""),
  ),
];

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Issues with a host's name instead of its number in the list. */
export function nameHosts(issues: readonly Issue[], { egress }: PatchProject): readonly Issue[] {
  return issues.map((issue) => {
    const [field, list, index] = issue.path;
    const host = field === "egress" && list === "hosts" && typeof index === "number" ? egress?.hosts[index] : undefined;
    return host === undefined ? issue : { ...issue, message: `${host}: ${issue.message}` };
  });
}
