/** All projects, those that need attention first, and the form for a new one. */
import type { ProjectView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { Plus } from "lucide-react";
import { useState } from "react";
import { ArchivedProjects } from "../features/projects/archived-projects.tsx";
import { NewProject } from "../features/projects/new-project.tsx";
import { sortProjects } from "../features/projects/sort-projects.ts";
import { ProjectCard } from "../features/projects/project-card.tsx";
import { allProjectsQuery } from "../api/queries.ts";
import { Button } from "../ui/button.tsx";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../ui/use-title.ts";

/** Outside of a project no socket reports its tasks. */
const AGAIN_MS = 5_000;

export function Projects() {
  useTitle("Projects");
  const navigate = useNavigate();
  const open = ({ id }: ProjectView) => void navigate({ to: "/p/$project", params: { project: id } });
  const projects = useQuery({ ...allProjectsQuery, refetchOnMount: "always", refetchInterval: AGAIN_MS });
  const [adding, setAdding] = useState(false);
  const all = projects.data ?? [];
  const current = sortProjects(all.filter(({ archivedAt }) => archivedAt === null));
  const archived = all.filter(({ archivedAt }) => archivedAt !== null);
  const empty = projects.data !== undefined && current.length === 0;
  return (
    <main className="min-h-0 flex-1 overflow-y-auto p-4 tablet:p-8">
      <div className="mx-auto flex w-full max-w-240 flex-col gap-5">
        <div className="flex min-h-8 items-center justify-between gap-3">
          <h1 className="text-page font-semibold">Projects</h1>
          {current.length > 0 && !adding && (
            <Button kind="primary" onClick={() => setAdding(true)}>
              <Plus size={16} aria-hidden="true" />
              New project
            </Button>
          )}
        </div>
        {projects.isPending && <Skeleton label="Loading projects" lines={[100, 100]} />}
        {projects.isError && projects.data === undefined && (
          <ErrorPanel what="Couldn't load projects." error={projects.error} onRetry={() => void projects.refetch()} />
        )}
        {(adding || empty) && (
          <section
            aria-label="New project"
            className="flex max-w-140 flex-col gap-4 rounded-xl border border-hairline bg-raised p-5"
          >
            {empty && <FirstProject />}
            <NewProject onCreated={open} {...(empty ? {} : { onCancel: () => setAdding(false) })} />
          </section>
        )}
        {current.length > 0 && (
          <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(20rem,100%),1fr))] gap-4">
            {current.map((project) => (
              <li key={project.id}>
                <ProjectCard project={project} />
              </li>
            ))}
          </ul>
        )}
        {archived.length > 0 && <ArchivedProjects projects={archived} />}
      </div>
    </main>
  );
}

function FirstProject() {
  return (
    <div className="flex flex-col gap-1">
      <h2 className="text-title font-semibold">Start with a repository</h2>
      <p className="text-ui text-ink-2">
        A project is a git repository. Describe a task, and Samovar clones the repository on a node, lets an agent work
        there and pushes the result to a branch. Your own checkout is never touched.
      </p>
    </div>
  );
}
