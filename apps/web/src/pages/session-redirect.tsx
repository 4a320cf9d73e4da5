/** Leads from a door to its session, in place of it, unless one has chosen to go elsewhere meanwhile. */
import type { ProjectId, SessionId } from "@samovar/base";
import { useLocation, useMatch, useNavigate, useRouter } from "@tanstack/react-router";
import { useLayoutEffect } from "react";

export function SessionRedirect({ project, session }: { readonly project: ProjectId; readonly session: SessionId }) {
  const router = useRouter();
  const navigate = useNavigate();
  const { pathname } = useMatch({ strict: false });
  // Who comes back to the door before having left it is led on all the same.
  const goesTo = useLocation({ select: (location) => location.pathname });
  useLayoutEffect(() => {
    // Where one goes may still be loading: the door is on the page until it is there, and may hear of it late.
    if ([goesTo, router.latestLocation.pathname].some((place) => !isSame(place, pathname))) return;
    void navigate({ to: "/p/$project/s/$session", params: { project, session }, replace: true });
  }, [router, navigate, pathname, goesTo, project, session]);
  return null;
}

const isSame = (a: string, b: string) => a.replace(/\/$/, "") === b.replace(/\/$/, "");
