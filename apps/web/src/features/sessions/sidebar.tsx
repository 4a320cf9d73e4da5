/** The sessions in a resizable sidebar that a shortcut hides; on a phone a drawer. */
import type { ProjectView } from "@samovar/contracts";
import { Link } from "@tanstack/react-router";
import { PanelLeft, SquarePen } from "lucide-react";
import { useCallback, useState } from "react";
import { openBrowserText } from "../../lib/stored-text.ts";
import { useAction } from "../../shortcuts/actions.tsx";
import { Button, getButtonClass } from "../../ui/button.tsx";
import { usePhone } from "../../ui/use-window.ts";
import { Drawer } from "../../ui/drawer.tsx";
import { SidebarEdge } from "./sidebar-edge.tsx";
import { SessionList } from "./session-list.tsx";
import { clampWidth, DEFAULT_WIDTH } from "./sidebar-width.ts";

const keptHidden = openBrowserText("sidebar.hidden");
const keptWidth = openBrowserText("sidebar.width");

export function Sidebar({ project }: { readonly project: ProjectView }) {
  return usePhone() ? <AsDrawer project={project} /> : <AsColumn project={project} />;
}

function AsColumn({ project }: { readonly project: ProjectView }) {
  const [hidden, setHidden] = useState(() => keptHidden.read() === "yes");
  const [width, setWidth] = useState(() => clampWidth(Number(keptWidth.read()) || DEFAULT_WIDTH));
  useAction("sidebar", () => {
    keptHidden.write(hidden ? "" : "yes");
    setHidden(!hidden);
  });
  const resize = (next: number) => {
    setWidth(next);
    keptWidth.write(`${next}`);
  };
  return (
    <aside
      aria-label="Sessions"
      hidden={hidden}
      style={{ "--sidebar-width": `${width}px` }}
      className="relative flex w-(--sidebar-width) shrink-0 flex-col border-e border-hairline bg-sidebar [&[hidden]]:hidden"
    >
      <Sessions project={project} />
      <SidebarEdge width={width} onResize={resize} />
    </aside>
  );
}

function AsDrawer({ project }: { readonly project: ProjectView }) {
  const [open, setOpen] = useState(false);
  const close = useCallback(() => setOpen(false), []);
  useAction("sidebar", () => setOpen(true));
  return (
    <>
      <div className="border-b border-hairline px-2 py-0.5">
        <Button kind="quiet" aria-haspopup="dialog" aria-expanded={open} onClick={() => setOpen(true)}>
          <PanelLeft size={16} aria-hidden="true" />
          Sessions
        </Button>
      </div>
      {open && (
        <Drawer label="Sessions" onClose={close}>
          <Sessions project={project} onChoose={close} />
        </Drawer>
      )}
    </>
  );
}

interface SessionsProps {
  readonly project: ProjectView;
  readonly onChoose?: () => void;
}

function Sessions({ project, onChoose }: SessionsProps) {
  return (
    <>
      <div className="p-2">
        <Link
          to="/p/$project/new"
          params={{ project: project.id }}
          onClick={onChoose}
          className={getButtonClass("plain", "w-full")}
        >
          <SquarePen size={15} aria-hidden="true" />
          New task
        </Link>
      </div>
      <SessionList key={project.id} project={project} onChoose={onChoose} />
    </>
  );
}
