/** All projects, and the way to a new one. */
import type { ProjectView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FolderGit2, Plus } from "lucide-react";
import { useState } from "react";
import { NewProject } from "../components/projects/new-project.tsx";
import { visibleText } from "../components/transcript/visible-text.ts";
import { projectsQuery } from "../data/queries.ts";
import { Button } from "../ui/button.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Ago } from "../ui/moment.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { useTitle } from "../ui/use-title.ts";

export function Projects({ onCreated }: { readonly onCreated: (project: ProjectView) => void }) {
  useTitle("Projects");
  const projects = useQuery(projectsQuery);
  const [adding, setAdding] = useState(false);
  const list =
    projects.data?.filter((project) => project.archivedAt === null).toSorted((a, b) => b.updatedAt - a.updatedAt) ?? [];
  const empty = projects.isSuccess && list.length === 0;
  return (
    <main className="min-h-0 flex-1 overflow-y-auto p-4 tablet:p-8">
      <div className="mx-auto flex w-full max-w-240 flex-col gap-5">
        <div className="flex items-center justify-between gap-3">
          <h1 className="text-page font-semibold">Projects</h1>
          {!empty && projects.isSuccess && !adding && (
            <Button kind="primary" onClick={() => setAdding(true)}>
              <Plus size={16} aria-hidden="true" />
              New project
            </Button>
          )}
        </div>
        {projects.isPending && <Skeleton label="Reading projects" lines={[100, 100]} />}
        {projects.isError && projects.data === undefined && (
          <ErrorPanel
            what="Projects could not be read."
            error={projects.error}
            onRetry={() => void projects.refetch()}
          />
        )}
        {(adding || empty) && (
          <section className="flex max-w-140 flex-col gap-4 rounded-xl border border-hairline bg-raised p-5">
            {empty && <Teaching />}
            <NewProject onCreated={onCreated} {...(empty ? {} : { onCancel: () => setAdding(false) })} />
          </section>
        )}
        {list.length > 0 && (
          <ul className="grid grid-cols-[repeat(auto-fill,minmax(min(20rem,100%),1fr))] gap-4">
            {list.map((project) => (
              <li key={project.id}>
                <ProjectCard project={project} />
              </li>
            ))}
          </ul>
        )}
      </div>
    </main>
  );
}

function Teaching() {
  return (
    <div className="flex flex-col gap-1">
      <h2 className="text-title font-semibold">Start with a repository</h2>
      <p className="text-ui text-ink-2">
        A project is a git repository. Describe a task in it, and Samovar clones it on a machine of its own, lets an
        agent work there, and pushes what it did to a branch. Your own checkout is never touched.
      </p>
    </div>
  );
}

function ProjectCard({ project }: { readonly project: ProjectView }) {
  return (
    <Link
      to="/p/$project"
      params={{ project: project.id }}
      className="flex h-full flex-col gap-1 rounded-xl border border-hairline bg-raised p-4 text-ui hover:border-control"
    >
      <span className="flex items-center gap-2 text-title font-semibold">
        <FolderGit2 size={18} className="shrink-0 text-ink-3" aria-hidden="true" />
        <span className="min-w-0 truncate">{visibleText(project.name)}</span>
      </span>
      <span className="truncate font-mono text-code text-ink-2">{visibleText(project.repoUrl)}</span>
      <span className="text-small text-ink-3">
        Changed <Ago at={project.updatedAt} />
      </span>
    </Link>
  );
}
