/** Leads from a door to its session, in place of it, unless one has chosen to go elsewhere meanwhile. */
import type { ProjectId, SessionId } from "@samovar/base";
import { useMatch, useNavigate, useRouter } from "@tanstack/react-router";
import { useLayoutEffect } from "react";

export function LeadOn({ project, session }: { readonly project: ProjectId; readonly session: SessionId }) {
  const router = useRouter();
  const navigate = useNavigate();
  const { pathname } = useMatch({ strict: false });
  useLayoutEffect(() => {
    // Where one goes may still be loading: the door is on the page until it is there.
    if (withoutSlash(router.latestLocation.pathname) !== withoutSlash(pathname)) return;
    void navigate({ to: "/p/$project/s/$session", params: { project, session }, replace: true });
  }, [router, navigate, pathname, project, session]);
  return null;
}

const withoutSlash = (path: string) => path.replace(/\/$/, "");
