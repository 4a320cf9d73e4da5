/** The two views of a project, each with its last place. */
import type { ProjectId } from "@samovar/base";
import type { LinkProps } from "@tanstack/react-router";
import { useLocation } from "@tanstack/react-router";
import { Columns3, MessageSquare, type LucideIcon } from "lucide-react";
import { lastPlaces } from "./last-places.ts";

export type ProjectViewId = "chat" | "board";

export const PROJECT_VIEWS: readonly {
  readonly id: ProjectViewId;
  readonly label: string;
  readonly icon: LucideIcon;
}[] = [
  { id: "chat", label: "Chat", icon: MessageSquare },
  { id: "board", label: "Board", icon: Columns3 },
];

type ProjectViewLink = Pick<LinkProps, "to" | "params" | "search"> & { readonly "aria-current"?: "page" };

export function useProjectViewLink(project: ProjectId): (view: ProjectViewId) => ProjectViewLink {
  const { pathname } = useLocation();
  return (view) => {
    const here = getProjectView(pathname) === view;
    return { ...getViewLocation(project, view), ...(here ? { "aria-current": "page" as const } : {}) };
  };
}

/** Where a view of a project leads to now. */
export function getViewLocation(project: ProjectId, view: ProjectViewId): Pick<LinkProps, "to" | "params" | "search"> {
  if (view === "board")
    return { to: "/p/$project/board", params: { project }, search: lastPlaces.board(project) } as const;
  const session = lastPlaces.session(project);
  return session === undefined
    ? { to: "/p/$project", params: { project } }
    : { to: "/p/$project/s/$session", params: { project, session } };
}

export function getProjectView(pathname: string): ProjectViewId | null {
  if (/^\/p\/[^/]+\/board\/?$/.test(pathname)) return "board";
  return /^\/p\/[^/]+(\/?$|\/new\/?$|\/[st]\/)/.test(pathname) ? "chat" : null;
}
