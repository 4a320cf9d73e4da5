/** One project in the list: what is running in it, and what needs attention. */
import type { ProjectView } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import { CircleAlert, FolderGit2 } from "lucide-react";
import { Ago } from "../../ui/moment.tsx";
import { HalfCircle } from "../../ui/status-mark.tsx";
import { visibleText } from "../../lib/visible-text.ts";

export function ProjectCard({ project }: { readonly project: ProjectView }) {
  const { running, attention } = project.counts;
  return (
    <Link
      to="/p/$project"
      params={{ project: project.id }}
      className="flex h-full flex-col gap-1 rounded-xl border border-hairline bg-raised p-4 text-ui hover:border-control"
    >
      <span className="flex items-start gap-2 text-title font-semibold">
        <FolderGit2 size={18} className="mt-0.75 shrink-0 text-ink-3" aria-hidden="true" />
        <span className="line-clamp-2 min-w-0 wrap-anywhere">{visibleText(project.name)}</span>
      </span>
      <span className="truncate font-mono text-code text-ink-2">{visibleText(project.repoUrl)}</span>
      <span className="mt-auto flex flex-wrap items-center gap-x-4 gap-y-1 pt-2 text-small">
        {attention > 0 && (
          <span className="inline-flex items-center gap-1.5 font-medium text-failed">
            <CircleAlert size={15} aria-hidden="true" />
            {attention === 1 ? "1 needs attention" : `${attention} need attention`}
          </span>
        )}
        {running > 0 && (
          <span className="inline-flex items-center gap-1.5 font-medium text-working">
            <HalfCircle size={15} className="" />
            {running} running
          </span>
        )}
        <span className="text-ink-3">
          {running + attention === 0 && "Nothing running. "}
          {project.lastActivityAt === null ? "Created " : "Active "}
          <Ago at={project.lastActivityAt ?? project.createdAt} />
        </span>
      </span>
    </Link>
  );
}
