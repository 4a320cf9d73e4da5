/** A project's page before a session is chosen. */
import type { ProjectId } from "@samovar/base";
import { useQuery } from "@tanstack/react-query";
import { visibleText } from "../components/transcript/visible-text.ts";
import { projectQuery } from "../data/queries.ts";
import { useTitle } from "../ui/use-title.ts";

export function NewTask({ project }: { readonly project: ProjectId }) {
  const { data } = useQuery(projectQuery(project));
  const name = visibleText(data?.name ?? "");
  useTitle(name);
  return (
    <div className="flex min-h-0 flex-1 items-center justify-center overflow-y-auto p-6">
      <div className="flex max-w-120 flex-col gap-2 text-ui text-ink-2">
        <h1 className="text-page font-semibold text-ink">What should be done in {name}?</h1>
        <p>
          Describe a task below. Run now takes a machine, clones{" "}
          <code className="font-mono text-code wrap-anywhere">{visibleText(data?.repoUrl ?? "")}</code>, and lets the
          agent work on a branch of its own; you watch it here, or close the page and come back.
        </p>
        <p>Save to backlog keeps the task without running it.</p>
      </div>
    </div>
  );
}
