/** The form of a project's settings. */
import type { AgentKind, PatchProject, ProjectView } from "@samovar/contracts";
import { demandedRuntime, patchProject as schema, vmSize } from "@samovar/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { patchProject } from "../../api/commands.ts";
import { projectKey, projectsKey } from "../../api/query-keys.ts";
import { agentsQuery } from "../../api/agents.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorPanel } from "../errors/error-panel.tsx";
import { Field } from "../../ui/field.tsx";
import { SelectField } from "../../ui/select-field.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { CheckoutFields } from "./checkout-fields.tsx";
import { EgressFields } from "./egress-fields.tsx";
import { getFaults, refusedField, type Faults } from "./project-faults.ts";
import { nameHosts, readProjectForm } from "./read-project-form.ts";
import { RepositorySettingsField } from "./repository-settings-field.tsx";

const RUNTIMES = { sandbox: "Sandbox, or the task fails", docker: "Docker container, or the task fails" } as const;
const SIZES = { small: "Small", medium: "Medium", large: "Large" } as const;

export function ProjectForm({ project }: { readonly project: ProjectView }) {
  const client = useQueryClient();
  const [faults, setFaults] = useState<Faults>({});
  const save = useMutation({
    mutationFn: (patch: PatchProject) => patchProject(project.id, patch),
    onSuccess: (next) => {
      client.setQueryData(projectKey(next.id), next);
      void client.invalidateQueries({ queryKey: projectsKey });
    },
    onError: (error) => setFaults(refusedField(error)),
  });
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const draft = readProjectForm(new FormData(event.currentTarget));
    const checked = schema.safeParse(draft);
    setFaults(checked.success ? {} : getFaults(nameHosts(checked.error.issues, draft)));
    if (checked.success) save.mutate(checked.data);
  };
  const elsewhere = save.isError && Object.keys(refusedField(save.error)).length === 0;
  return (
    <form key={project.updatedAt} noValidate aria-label="Project" onSubmit={submit} className="flex flex-col gap-4">
      <Field label="Name" name="name" defaultValue={project.name} maxLength={100} fault={faults.name} />
      <Field
        label="Repository"
        name="repoUrl"
        spellCheck={false}
        className="font-mono"
        defaultValue={project.repoUrl}
        fault={faults.repoUrl}
      />
      <Field
        label="Base branch"
        name="baseBranch"
        spellCheck={false}
        className="font-mono"
        defaultValue={project.baseBranch ?? ""}
        placeholder="the repository's default"
        fault={faults.baseBranch}
      />
      <div className="grid gap-4 tablet:grid-cols-2">
        <SelectField label="Default node size" name="defaultVmSize" defaultValue={project.defaultVmSize ?? ""}>
          <option value="">Installation default</option>
          {vmSize.options.map((size) => (
            <option key={size} value={size}>
              {SIZES[size]}
            </option>
          ))}
        </SelectField>
        <DefaultAgent chosen={project.defaultAgent} />
        <SelectField label="Tasks run in" name="runtime" defaultValue={project.runtime ?? ""}>
          <option value="">The node's runtime</option>
          {demandedRuntime.options.map((runtime) => (
            <option key={runtime} value={runtime}>
              {RUNTIMES[runtime]}
            </option>
          ))}
        </SelectField>
        <Field
          label="Commit author name"
          name="commitName"
          defaultValue={project.commitIdentity?.name ?? ""}
          placeholder="Installation default"
          fault={faults.commitIdentity}
        />
        <Field
          label="Commit author email"
          name="commitEmail"
          defaultValue={project.commitIdentity?.email ?? ""}
          placeholder="Installation default"
        />
      </div>
      <CheckoutFields checkout={project.checkout} />
      <RepositorySettingsField settings={project.repositorySettings} />
      <EgressFields egress={project.egress} fault={faults.egress} />
      {elsewhere && <ErrorPanel what="Couldn't save the project." error={save.error} />}
      <div className="flex items-center gap-3">
        <Button type="submit" kind="primary" disabled={save.isPending}>
          {save.isPending ? "Saving…" : "Save"}
        </Button>
        <span role="status" className="text-small text-ink-2">
          {save.isSuccess && "Saved"}
        </span>
      </div>
    </form>
  );
}

/** Holds its own value, so that a choice stands before and after the agents are read. */
function DefaultAgent({ chosen }: { readonly chosen: AgentKind | null }) {
  const { data: agents = [] } = useQuery(agentsQuery);
  const [value, setValue] = useState(chosen ?? "");
  const isListed = value === "" || agents.some(({ kind }) => kind === value);
  return (
    <SelectField
      label="Default agent"
      name="defaultAgent"
      value={value}
      onChange={(event) => setValue(event.target.value)}
    >
      <option value="">Installation default</option>
      {!isListed && <option value={value}>{value}</option>}
      {agents.map((agent) => (
        <option key={agent.kind} value={agent.kind}>
          {visibleText(agent.name)}
          {agent.usable ? "" : " (not set up)"}
        </option>
      ))}
    </SelectField>
  );
}
