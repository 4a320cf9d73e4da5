/** Everything stands behind being signed in: reads who is asking, once. */
import type { MeView } from "@samovar/contracts";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useNavigate } from "@tanstack/react-router";
import { Overlays } from "../components/palette/overlays.tsx";
import { BottomBar } from "../components/shell/bottom-bar.tsx";
import { TopBar } from "../components/shell/top-bar.tsx";
import { meQuery } from "../data/queries.ts";
import { useAction, useActions, useKeyboard } from "../keys/actions.tsx";
import { Centered } from "../ui/centered.tsx";
import { ErrorPanel } from "../ui/error-panel.tsx";
import { Skeleton } from "../ui/skeleton.tsx";
import { SignedOut } from "./signed-out.tsx";

export function Root() {
  const me = useQuery(meQuery);
  if (me.data === null) return <SignedOut />;
  if (me.data !== undefined) return <Page me={me.data} />;
  if (!me.isError) return <Skeleton label="Opening Samovar" lines={[30, 60]} className="p-6" />;
  return (
    <Centered title="Samovar cannot be reached">
      <ErrorPanel what="Nothing is lost." error={me.error} onRetry={() => void me.refetch()} />
    </Centered>
  );
}

function Page({ me }: { readonly me: MeView }) {
  const navigate = useNavigate();
  useKeyboard(useActions());
  useAction("go.projects", () => void navigate({ to: "/" }));
  useAction("go.nodes", () => void navigate({ to: "/nodes" }));
  useAction("go.settings", () => void navigate({ to: "/settings" }));
  return (
    <div className="flex h-dvh flex-col">
      <TopBar me={me} />
      <Outlet />
      <BottomBar />
      <Overlays />
    </div>
  );
}
