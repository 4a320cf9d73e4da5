/** The page's places at the thumb, on a phone. */
import { projectId } from "@samovar/contracts";
import { Link, useParams } from "@tanstack/react-router";
import { FolderGit2, Server, Settings, type LucideIcon } from "lucide-react";
import { PROJECT_VIEWS, useProjectViewLink } from "./project-views.ts";
import type { ProjectId } from "@samovar/base";

const PLACE =
  "flex min-h-14 flex-1 flex-col items-center justify-center gap-0.5 text-xs text-ink-2 aria-[current=page]:text-accent";

export function BottomBar() {
  const params = useParams({ strict: false });
  const project = projectId.safeParse(params.project).data;
  return (
    <nav
      aria-label="Sections"
      className="flex shrink-0 border-t border-hairline bg-sidebar pb-[env(safe-area-inset-bottom)] tablet:hidden"
    >
      {project === undefined ? <Place to="/" icon={FolderGit2} label="Projects" /> : <ProjectViews project={project} />}
      <Place to="/nodes" icon={Server} label="Nodes" />
      <Place to="/settings" icon={Settings} label="Settings" />
    </nav>
  );
}

function ProjectViews({ project }: { readonly project: ProjectId }) {
  const linkOf = useProjectViewLink(project);
  return PROJECT_VIEWS.map((view) => (
    <Link key={view.id} {...linkOf(view.id)} activeOptions={{ exact: true }} className={PLACE}>
      <view.icon size={20} aria-hidden="true" />
      {view.label}
    </Link>
  ));
}

interface PlaceProps {
  readonly to: "/" | "/nodes" | "/settings";
  readonly icon: LucideIcon;
  readonly label: string;
}

function Place({ to, icon: Icon, label }: PlaceProps) {
  return (
    <Link to={to} className={PLACE} activeProps={{ "aria-current": "page" }} activeOptions={{ exact: to === "/" }}>
      <Icon size={20} aria-hidden="true" />
      {label}
    </Link>
  );
}
