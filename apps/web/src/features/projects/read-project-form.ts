/** What a person typed about a project, as a change that is yet to be checked. Pure. */
import type { PatchProject } from "@samovar/contracts";
import { demandedRuntime, vmSize } from "@samovar/contracts";

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
    checkout: { submodules: checked("submodules"), lfs: checked("lfs"), hooks: checked("hooks") },
  };
}
