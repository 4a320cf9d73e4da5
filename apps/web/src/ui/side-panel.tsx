/**
 * A panel beside its subject. It doesn't cover the page. Its place is where the page has
 * put a {@link SidePanelPlace}; the component that opens it is elsewhere.
 */
import { X } from "lucide-react";
import { createContext, use, useLayoutEffect, useRef, useState, type ReactNode } from "react";
import { createPortal } from "react-dom";
import { IconButton } from "./button.tsx";

const PlaceContext = createContext<HTMLElement | null>(null);

/** `children` stand before the place of the panel, and open it. */
export function SidePanelPlace({ children }: { readonly children: ReactNode }) {
  const [place, setPlace] = useState<HTMLElement | null>(null);
  return (
    <PlaceContext value={place}>
      {children}
      <div ref={setPlace} className="contents" />
    </PlaceContext>
  );
}

interface SidePanelProps {
  readonly title: string;
  readonly description: string;
  /** Whether it takes the focus: not when it was there from the start. */
  readonly focused: boolean;
  /** Buttons beside the one that closes. */
  readonly actions: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function SidePanel(props: SidePanelProps) {
  const place = use(PlaceContext);
  return place === null ? null : createPortal(<Panel {...props} />, place);
}

function Panel({ title, description, focused, actions, onClose, children }: SidePanelProps) {
  const panel = useRef<HTMLElement>(null);
  const [takesFocus] = useState(focused);
  useLayoutEffect(() => {
    const before = document.activeElement;
    const own = panel.current;
    if (takesFocus) own?.focus();
    return () => {
      if (own?.contains(document.activeElement) === true && before instanceof HTMLElement) before.focus();
    };
  }, [takesFocus]);
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-label={title}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented) return;
        event.preventDefault();
        onClose();
      }}
      className="flex w-[clamp(22.5rem,34vw,35rem)] shrink-0 flex-col border-s border-hairline bg-raised focus-visible:-outline-offset-2"
    >
      <div className="flex items-start gap-1 ps-5 pe-2 pt-2">
        <div className="min-w-0 flex-1 pt-1">
          <h2 className="text-title font-semibold">{title}</h2>
          <p className="truncate text-ui text-ink-2">{description}</p>
        </div>
        {actions}
        <IconButton label={`Close: ${title}`} onClick={onClose}>
          <X size={16} aria-hidden="true" />
        </IconButton>
      </div>
      {children}
    </aside>
  );
}
