/** The project's name, with the way to the others. */
import type { ProjectId } from "@samovar/base";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { ChevronsUpDown } from "lucide-react";
import { projectQuery, projectsQuery } from "../../api/queries.ts";
import { Menu, type MenuEntry } from "../../ui/menu.tsx";
import { visibleText } from "../../lib/visible-text.ts";

const OTHERS_SHOWN = 12;

export function ProjectSwitcher({ project }: { readonly project: ProjectId }) {
  const navigate = useNavigate();
  const { data: here } = useQuery(projectQuery(project));
  const { data: all = [] } = useQuery(projectsQuery);
  if (here === undefined) return null;
  const others = all.filter(({ id, archivedAt }) => id !== project && archivedAt === null).slice(0, OTHERS_SHOWN);
  const entries: MenuEntry[] = [
    ...others.map((other): MenuEntry => ({
      kind: "action",
      label: visibleText(other.name),
      onSelect: () => void navigate({ to: "/p/$project", params: { project: other.id } }),
    })),
    ...(others.length === 0 ? [] : [{ kind: "line" } as const]),
    {
      kind: "action",
      label: "Project settings",
      onSelect: () => void navigate({ to: "/p/$project/settings", params: { project } }),
    },
    { kind: "action", label: "All projects", hint: "G P", onSelect: () => void navigate({ to: "/" }) },
  ];
  return (
    <Menu
      align="start"
      trigger={
        <button
          type="button"
          className="inline-flex min-h-8 min-w-0 items-center gap-1 rounded-md px-1.5 hover:bg-inset pointer-coarse:min-h-11"
        >
          <span className="sr-only">Project </span>
          <span className="max-w-70 min-w-0 truncate">{visibleText(here.name)}</span>
          <ChevronsUpDown size={14} className="shrink-0 text-ink-3" aria-hidden="true" />
        </button>
      }
      entries={entries}
    />
  );
}
