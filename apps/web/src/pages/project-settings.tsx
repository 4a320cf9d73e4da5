/** A project's settings: saved together, with errors beside their fields; and archiving and restoring the project. */
import type { ProjectView } from "@samovar/contracts";
import { ProjectForm } from "../features/projects/project-form.tsx";
import { ProjectBudget } from "../features/spending/project-budget.tsx";
import { useArchive } from "../features/projects/use-archive.ts";
import { useProject } from "../api/use-project.ts";
import { Button } from "../ui/button.tsx";
import { getErrorMessage } from "../features/errors/error-panel.tsx";
import { useTitle } from "../ui/use-title.ts";

export function ProjectSettings() {
  const project = useProject();
  useTitle(`${project.name} settings`);
  return (
    <main className="min-h-0 flex-1 overflow-y-auto p-4 tablet:p-8">
      <div className="mx-auto flex w-full max-w-170 flex-col gap-6">
        <h1 className="text-page font-semibold">Project settings</h1>
        <ProjectForm project={project} />
        <ProjectBudget project={project.id} />
        <Archive project={project} />
      </div>
    </main>
  );
}

function Archive({ project }: { readonly project: ProjectView }) {
  const archived = project.archivedAt !== null;
  const change = useArchive(project);
  return (
    <section aria-label="Archive" className="flex flex-col gap-2 border-t border-hairline pt-5 text-ui">
      <p className="text-ink-2">
        {archived
          ? "This project is archived and takes no new tasks. Its tasks and transcripts are kept."
          : "Archived projects are hidden from the list and take no new tasks. Their tasks and transcripts are kept."}
      </p>
      <div>
        <Button disabled={change.isPending} onClick={() => change.mutate()}>
          {archived ? "Restore project" : "Archive project"}
        </Button>
      </div>
      {change.isError && (
        <p role="alert" className="text-small text-failed">
          {getErrorMessage(change.error)}
        </p>
      )}
    </section>
  );
}
