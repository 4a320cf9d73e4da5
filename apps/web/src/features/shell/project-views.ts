/** The two faces of a project, each with the place where one was last. */
import type { ProjectId } from "@samovar/base";
import type { LinkProps } from "@tanstack/react-router";
import { useLocation } from "@tanstack/react-router";
import { Columns3, MessageSquare, type LucideIcon } from "lucide-react";
import { lastPlaces } from "./last-places.ts";

export type FaceId = "chat" | "board";

export const FACES: readonly { readonly id: FaceId; readonly label: string; readonly icon: LucideIcon }[] = [
  { id: "chat", label: "Chat", icon: MessageSquare },
  { id: "board", label: "Board", icon: Columns3 },
];

type FaceLink = Pick<LinkProps, "to" | "params" | "search"> & { readonly "aria-current"?: "page" };

export function useFaceLink(project: ProjectId): (face: FaceId) => FaceLink {
  const { pathname } = useLocation();
  return (face) => {
    const here = faceOf(pathname) === face;
    return { ...placeOf(project, face), ...(here ? { "aria-current": "page" as const } : {}) };
  };
}

/** Where a face of a project leads to now. */
export function placeOf(project: ProjectId, face: FaceId): Pick<LinkProps, "to" | "params" | "search"> {
  if (face === "board")
    return { to: "/p/$project/board", params: { project }, search: lastPlaces.board(project) } as const;
  const session = lastPlaces.session(project);
  return session === undefined
    ? { to: "/p/$project", params: { project } }
    : { to: "/p/$project/s/$session", params: { project, session } };
}

export function faceOf(pathname: string): FaceId | null {
  if (/^\/p\/[^/]+\/board\/?$/.test(pathname)) return "board";
  return /^\/p\/[^/]+(\/?$|\/new\/?$|\/[st]\/)/.test(pathname) ? "chat" : null;
}
