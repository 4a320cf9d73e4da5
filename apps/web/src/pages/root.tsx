/** Everything stands behind being signed in: reads who is asking, once. */
import type { MeView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useNavigate, useParams } from "@tanstack/react-router";
import { Overlays } from "../features/palette/overlays.tsx";
import { BottomBar } from "../features/shell/bottom-bar.tsx";
import { getViewLocation } from "../features/shell/project-views.ts";
import { TopBar } from "../features/shell/top-bar.tsx";
import { lastPlaces } from "../features/shell/last-places.ts";
import { meQuery } from "../api/queries.ts";
import { useAction, useActions, useKeyboard } from "../shortcuts/actions.tsx";
import { Centered } from "../ui/centered.tsx";
import { ErrorPanel } from "../features/errors/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { SignedOut } from "./signed-out.tsx";

export function Root() {
  const me = useQuery(meQuery);
  if (me.data === null) return <SignedOut />;
  if (me.data !== undefined) return <Page me={me.data} />;
  if (!me.isError) return <Skeleton label="Loading Samovar" lines={[30, 60]} className="p-6" />;
  return (
    <Centered title="Can't reach Samovar">
      <ErrorPanel what="Your work is safe." error={me.error} onRetry={() => void me.refetch()} />
    </Centered>
  );
}

function Page({ me }: { readonly me: MeView }) {
  const navigate = useNavigate();
  useKeyboard(useActions());
  useAction("go.projects", () => void navigate({ to: "/" }));
  useAction("go.nodes", () => void navigate({ to: "/nodes" }));
  const isInProject = useParams({ strict: false }).project !== undefined;
  // Outside a project these return to the last one; an open project offers its own.
  const last = isInProject ? undefined : lastPlaces.project();
  useAction("go.chat", () => void (last !== undefined && navigate(getViewLocation(last, "chat"))), last !== undefined);
  useAction(
    "go.board",
    () => void (last !== undefined && navigate(getViewLocation(last, "board"))),
    last !== undefined,
  );
  useAction("go.settings", () => void navigate({ to: "/settings" }));
  return (
    // Words for screen readers alone stand where their lines do: those outside the window must not make the page wider.
    <div className="relative flex h-dvh flex-col overflow-clip">
      <TopBar me={me} />
      <Outlet />
      <BottomBar />
      <Overlays />
    </div>
  );
}
