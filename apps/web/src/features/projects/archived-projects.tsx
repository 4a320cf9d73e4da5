/** Projects that were put away, and the way to bring one back. */
import type { ProjectView } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import { useId, useState } from "react";
import { Button } from "../../ui/button.tsx";
import { getErrorMessage } from "../errors/error-panel.tsx";
import { Ago } from "../../ui/moment.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { useArchive } from "./use-archive.ts";

export function ArchivedProjects({ projects }: { readonly projects: readonly ProjectView[] }) {
  const id = useId();
  const [shown, setShown] = useState(false);
  return (
    <section aria-label="Archived projects" className="flex flex-col gap-2 text-ui">
      <div>
        <Button kind="quiet" aria-expanded={shown} aria-controls={id} onClick={() => setShown(!shown)}>
          {shown ? "Hide archived" : `Show archived (${projects.length})`}
        </Button>
      </div>
      <ul id={id} hidden={!shown} className="divide-y divide-hairline rounded-xl border border-hairline">
        {projects.map((project) => (
          <ArchivedRow key={project.id} project={project} />
        ))}
      </ul>
    </section>
  );
}

function ArchivedRow({ project }: { readonly project: ProjectView }) {
  const change = useArchive(project);
  return (
    <li className="flex flex-wrap items-center gap-x-3 gap-y-1 px-4 py-2">
      <Link to="/p/$project" params={{ project: project.id }} className="min-w-0 truncate hover:underline">
        {visibleText(project.name)}
      </Link>
      <span className="text-small text-ink-3">
        archived <Ago at={project.archivedAt ?? project.updatedAt} />
      </span>
      <span className="ms-auto flex items-center gap-2">
        {change.isError && (
          <span role="alert" className="text-small text-failed">
            {getErrorMessage(change.error)}
          </span>
        )}
        <Button
          aria-label={`Restore ${visibleText(project.name)}`}
          disabled={change.isPending}
          onClick={() => change.mutate()}
        >
          Restore
        </Button>
      </span>
    </li>
  );
}
