/** Replaces the current address by a session's, unless the person has navigated elsewhere meanwhile. */
import type { ProjectId, SessionId } from "@samovar/base";
import { useLocation, useMatch, useNavigate, useRouter } from "@tanstack/react-router";
import { useLayoutEffect } from "react";

export function SessionRedirect({ project, session }: { readonly project: ProjectId; readonly session: SessionId }) {
  const router = useRouter();
  const navigate = useNavigate();
  const { pathname } = useMatch({ strict: false });
  // Returning to the redirect before having left it must redirect again.
  const goesTo = useLocation({ select: (location) => location.pathname });
  useLayoutEffect(() => {
    // The target may still be loading: the redirect stays mounted until then, and may be notified late.
    if ([goesTo, router.latestLocation.pathname].some((place) => !isSame(place, pathname))) return;
    void navigate({ to: "/p/$project/s/$session", params: { project, session }, replace: true });
  }, [router, navigate, pathname, goesTo, project, session]);
  return null;
}

const isSame = (a: string, b: string) => a.replace(/\/$/, "") === b.replace(/\/$/, "");
