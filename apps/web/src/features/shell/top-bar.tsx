/** The bar above every page: the project and its two views, the connection, search, nodes and the user menu. */
import type { ProjectId } from "@samovar/base";
import { projectId, type MeView } from "@samovar/contracts";
import { Link, useParams } from "@tanstack/react-router";
import { Search, Server } from "lucide-react";
import { useActions } from "../../shortcuts/actions.tsx";
import { shortcut } from "../../shortcuts/format-shortcut.ts";
import { ConnectionDot } from "./connection-dot.tsx";
import { PROJECT_VIEWS, useProjectViewLink } from "./project-views.ts";
import { PersonMenu } from "./person-menu.tsx";
import { ProjectSwitcher } from "./project-switcher.tsx";

export function TopBar({ me }: { readonly me: MeView }) {
  const params = useParams({ strict: false });
  const project = projectId.safeParse(params.project).data;
  return (
    <header className="flex h-12 shrink-0 items-center gap-2 border-b border-hairline bg-sidebar px-3">
      <nav aria-label="Main" className="flex min-w-0 items-center gap-1 text-ui">
        <Link to="/" className="rounded-md px-1.5 py-1 font-semibold hover:bg-inset">
          Samovar
        </Link>
        {project !== undefined && (
          <>
            <span className="text-ink-3" aria-hidden="true">
              /
            </span>
            <ProjectSwitcher project={project} />
            <ProjectViews project={project} />
          </>
        )}
      </nav>
      <div className="ms-auto flex items-center gap-1">
        {project !== undefined && <ConnectionDot />}
        <PaletteButton />
        <Link
          to="/nodes"
          className="hidden min-h-8 items-center gap-1.5 rounded-md px-2 text-ui text-ink-2 hover:bg-inset hover:text-ink tablet:inline-flex"
          activeProps={{ className: "bg-inset text-ink", "aria-current": "page" }}
        >
          <Server size={16} aria-hidden="true" />
          Nodes
        </Link>
        <PersonMenu me={me} />
      </div>
    </header>
  );
}

/** On a phone they stand in the bar at the bottom instead. */
function ProjectViews({ project }: { readonly project: ProjectId }) {
  const linkOf = useProjectViewLink(project);
  return (
    <span className="ms-2 hidden rounded-md bg-inset p-0.5 tablet:inline-flex">
      {PROJECT_VIEWS.map((view) => (
        <Link
          key={view.id}
          {...linkOf(view.id)}
          // The project's address is the beginning of those of its other pages.
          activeOptions={{ exact: true }}
          className="inline-flex min-h-7 items-center gap-1.5 rounded px-2.5 text-ink-2 hover:text-ink aria-[current=page]:bg-raised aria-[current=page]:text-ink aria-[current=page]:shadow-sm"
        >
          <view.icon size={15} aria-hidden="true" />
          {view.label}
        </Link>
      ))}
    </span>
  );
}

function PaletteButton() {
  const store = useActions();
  return (
    <button
      type="button"
      onClick={() => store.getState().perform("palette")}
      className="inline-flex min-h-8 items-center gap-2 rounded-md px-2 text-ui text-ink-2 hover:bg-inset hover:text-ink pointer-coarse:min-h-11 pointer-coarse:min-w-11 pointer-coarse:justify-center"
    >
      <Search size={16} aria-hidden="true" />
      <span className="sr-only">Find anything</span>
      <kbd className="hidden rounded border border-hairline px-1.5 font-sans text-xs text-ink-3 desktop:inline">
        {shortcut("K")}
      </kbd>
    </button>
  );
}
