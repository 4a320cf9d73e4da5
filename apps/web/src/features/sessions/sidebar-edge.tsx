/** The edge of the sidebar: dragged, or moved with the arrow keys. */
import type { PointerEvent } from "react";
import { clampWidth, NARROWEST, WIDEST } from "./sidebar-width.ts";

interface SidebarEdgeProps {
  readonly width: number;
  readonly onResize: (width: number) => void;
}

const STEP = 16;

export function SidebarEdge({ width, onResize }: SidebarEdgeProps) {
  const drag = (event: PointerEvent<HTMLDivElement>) => {
    if (event.buttons !== 1 || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const left = event.currentTarget.parentElement?.getBoundingClientRect().left ?? 0;
    onResize(clampWidth(event.clientX - left));
  };
  return (
    <div
      role="separator"
      aria-orientation="vertical"
      aria-label="Sidebar width"
      aria-valuenow={width}
      aria-valuemin={NARROWEST}
      aria-valuemax={WIDEST}
      tabIndex={0}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onKeyDown={(event) => {
        if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
        event.preventDefault();
        onResize(clampWidth(width + (event.key === "ArrowRight" ? STEP : -STEP)));
      }}
      className="absolute inset-y-0 -end-1 z-10 hidden w-2 cursor-col-resize touch-none hover:bg-accent/30 focus-visible:bg-accent/30 tablet:block"
    />
  );
}
