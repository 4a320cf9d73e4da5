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
    <section aria-label="Getting started" tabIndex={0} className="flex min-h-0 flex-1 overflow-y-auto p-6">
      <div className="m-auto flex w-full max-w-120 flex-col gap-3 text-ui text-ink-2">
        <h1 className="text-page font-semibold wrap-anywhere text-ink">What should be done in {name}?</h1>
        <p>
          Describe a task below. “Run now” clones{" "}
          <code className="font-mono text-code wrap-anywhere">{visibleText(data?.repoUrl ?? "")}</code> on a node and
          lets the agent work on a new branch. Watch it here, or close the page and come back later.
        </p>
        <p>“Save to backlog” stores the task without running it.</p>
        {isFirst && data?.archivedAt === null && <FirstTask project={project} />}
        {data !== undefined && data.archivedAt !== null && (
          <p role="note">This project is archived and takes no new tasks.</p>
        )}
      </div>
    </section>
  );
}
