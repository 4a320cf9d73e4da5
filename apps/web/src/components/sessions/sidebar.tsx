/** The sessions at the side: as wide as one likes, hidden with a key, a drawer on a phone. */
import type { ProjectView } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import { clsx } from "clsx";
import { PanelLeft, SquarePen } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { browserKept } from "../../data/kept-text.ts";
import { useAction } from "../../keys/actions.tsx";
import { Button, buttonClass } from "../../ui/button.tsx";
import { SidebarEdge } from "./sidebar-edge.tsx";
import { SessionList } from "./session-list.tsx";
import { clampWidth, DEFAULT_WIDTH } from "./sidebar-width.ts";

const keptHidden = browserKept("sidebar.hidden");
const keptWidth = browserKept("sidebar.width");

export function Sidebar({ project }: { readonly project: ProjectView }) {
  const [hidden, setHidden] = useState(() => keptHidden.read() === "yes");
  const [drawer, setDrawer] = useState(false);
  const [width, setWidth] = useState(() => clampWidth(Number(keptWidth.read()) || DEFAULT_WIDTH));
  const opener = useRef<HTMLButtonElement>(null);
  useAction("sidebar", () => {
    if (isPhone()) return setDrawer(!drawer);
    keptHidden.write(hidden ? "" : "yes");
    setHidden(!hidden);
  });
  const closeDrawer = () => {
    if (!drawer) return;
    setDrawer(false);
    opener.current?.focus();
  };
  const resize = (next: number) => {
    setWidth(next);
    keptWidth.write(`${next}`);
  };
  return (
    <>
      <div className="border-b border-hairline px-2 py-1 tablet:hidden">
        <Button kind="quiet" ref={opener} aria-expanded={drawer} onClick={() => setDrawer(true)}>
          <PanelLeft size={16} aria-hidden="true" />
          Sessions
        </Button>
      </div>
      {drawer && (
        <button
          type="button"
          tabIndex={-1}
          aria-label="Close sessions"
          onClick={closeDrawer}
          className="fixed inset-0 z-30 bg-ink/40 tablet:hidden"
        />
      )}
      <aside
        aria-label="Sessions"
        onKeyDown={(event) => event.key === "Escape" && closeDrawer()}
        style={{ "--sidebar": `${width}px` }}
        className={clsx(
          "w-70 shrink-0 flex-col border-e border-hairline bg-sidebar tablet:relative tablet:w-(--sidebar) tablet:shadow-none",
          drawer ? "fixed inset-y-0 start-0 z-40 flex shadow-lg" : "hidden",
          hidden ? "tablet:hidden" : "tablet:flex",
        )}
      >
        <div className="p-2">
          <NewTaskLink project={project} onChoose={() => setDrawer(false)} takesFocus={drawer} />
        </div>
        <SessionList project={project} onChoose={() => setDrawer(false)} />
        <SidebarEdge width={width} onResize={resize} />
      </aside>
    </>
  );
}

interface NewTaskLinkProps {
  readonly project: ProjectView;
  readonly takesFocus: boolean;
  readonly onChoose: () => void;
}

function NewTaskLink({ project, takesFocus, onChoose }: NewTaskLinkProps) {
  const link = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (takesFocus) link.current?.focus();
  }, [takesFocus]);
  return (
    <Link
      ref={link}
      to="/p/$project/new"
      params={{ project: project.id }}
      onClick={onChoose}
      className={buttonClass("plain", "w-full")}
    >
      <SquarePen size={15} aria-hidden="true" />
      New task
    </Link>
  );
}

const isPhone = (): boolean => !matchMedia("(min-width: 48rem)").matches;
