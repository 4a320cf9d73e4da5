/** The form of a new project. What the server refuses is said at the field that it refuses. */
import { createProject as schema, type ProjectView } from "@samovar/contracts";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useRef, useState, type FormEvent } from "react";
import { isApiError } from "../../api/client.ts";
import { createProject, type ProjectDraft } from "../../api/commands.ts";
import { projectKey, projectsKey } from "../../api/query-keys.ts";
import { settingsQuery } from "../../api/settings.ts";
import { Button } from "../../ui/button.tsx";
import { ErrorPanel } from "../errors/error-panel.tsx";
import { Field } from "../../ui/field.tsx";
import { getFaults, refusedField, type Faults } from "./project-faults.ts";

interface NewProjectProps {
  readonly onCreated: (project: ProjectView) => void;
  readonly onCancel?: () => void;
}

export function NewProject({ onCreated, onCancel }: NewProjectProps) {
  const client = useQueryClient();
  const { data: settings } = useQuery(settingsQuery);
  const [faults, setFaults] = useState<Faults>({});
  const form = useRef<HTMLFormElement>(null);
  const attempt = useRef({ of: "", key: "" });
  const create = useMutation({
    mutationFn: (draft: ProjectDraft) => createProject(draft, getKey(attempt, draft)),
    onSuccess: (project) => {
      client.setQueryData(projectKey(project.id), project);
      void client.invalidateQueries({ queryKey: projectsKey });
      onCreated(project);
    },
    onError: (error) => show(refusedField(error)),
  });
  const show = (found: Faults) => {
    setFaults(found);
    const first = found.name === undefined ? (found.repoUrl === undefined ? null : "repoUrl") : "name";
    if (first !== null) form.current?.querySelector<HTMLInputElement>(`input[name=${first}]`)?.focus();
  };
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const data = new FormData(event.currentTarget);
    const draft = { name: String(data.get("name") ?? "").trim(), repoUrl: String(data.get("repoUrl") ?? "").trim() };
    const checked = schema.safeParse(draft);
    const found = checked.success ? {} : getFaults(checked.error.issues);
    show(found);
    if (checked.success) create.mutate(draft);
  };
  const elsewhere = create.isError && Object.keys(refusedField(create.error)).length === 0;
  return (
    <form ref={form} noValidate onSubmit={submit} aria-label="New project" className="flex flex-col gap-4">
      <Field
        label="Name"
        name="name"
        autoComplete="off"
        maxLength={100}
        autoFocus={onCancel !== undefined}
        fault={faults.name}
      />
      <Field
        label="Repository"
        name="repoUrl"
        autoComplete="off"
        spellCheck={false}
        className="font-mono"
        autoCapitalize="off"
        placeholder={settings?.allowLocalRepos === true ? "/home/me/project" : "https://…"}
        hint={repositoryHint(settings?.allowLocalRepos)}
        fault={faults.repoUrl}
      />
      {elsewhere && !isApiError(create.error, "unauthenticated") && (
        <ErrorPanel what="Couldn't create the project." error={create.error} />
      )}
      <div className="flex gap-2">
        <Button type="submit" kind="primary" disabled={create.isPending}>
          {create.isPending ? "Creating…" : "Create project"}
        </Button>
        {onCancel !== undefined && (
          <Button kind="quiet" onClick={onCancel}>
            Cancel
          </Button>
        )}
      </div>
    </form>
  );
}

/** What works here; nothing is promised before it is known. */
function repositoryHint(localAllowed: boolean | undefined): string {
  const address = "An https:// or git@host:path URL";
  if (localAllowed === undefined) return `${address}.`;
  return localAllowed
    ? `The absolute path of a repository on this computer, or ${address.replace("An", "an")}. Only committed changes are cloned.`
    : `${address}. Private repositories over https need a GitHub token in Settings.`;
}

/** The same draft again is the same request. */
function getKey(attempt: { current: { of: string; key: string } }, draft: ProjectDraft): string {
  const of = JSON.stringify(draft);
  if (attempt.current.of !== of) attempt.current = { of, key: crypto.randomUUID() };
  return attempt.current.key;
}
