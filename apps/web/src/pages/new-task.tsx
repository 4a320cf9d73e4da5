/** A project's page before a session is chosen. */
import type { ProjectId } from "@samovar/base";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { FirstTask } from "../features/projects/first-task.tsx";
import { visibleText } from "../lib/visible-text.ts";
import { projectQuery, sessionsQuery } from "../api/queries.ts";
import { useTitle } from "../ui/use-title.ts";

export function NewTask({ project }: { readonly project: ProjectId }) {
  const { data } = useQuery(projectQuery(project));
  const { data: sessions } = useInfiniteQuery(sessionsQuery(project));
  const isFirst = sessions?.pages[0]?.items.length === 0;
  const name = visibleText(data?.name ?? "");
  useTitle(name);
  return (
    <section aria-label="How a task begins" tabIndex={0} className="flex min-h-0 flex-1 overflow-y-auto p-6">
      <div className="m-auto flex w-full max-w-120 flex-col gap-3 text-ui text-ink-2">
        <h1 className="text-page font-semibold wrap-anywhere text-ink">What should be done in {name}?</h1>
        <p>
          Describe a task below. Run now takes a machine, clones{" "}
          <code className="font-mono text-code wrap-anywhere">{visibleText(data?.repoUrl ?? "")}</code>, and lets the
          agent work on a branch of its own; you watch it here, or close the page and come back.
        </p>
        <p>Save to backlog keeps the task without running it.</p>
        {isFirst && data?.archivedAt === null && <FirstTask project={project} />}
        {data !== undefined && data.archivedAt !== null && (
          <p role="note">This project is archived: it takes no tasks.</p>
        )}
      </div>
    </section>
  );
}
