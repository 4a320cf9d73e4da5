/**
 * A menu on a button, told as data. Its machinery comes in a chunk of its own while the page is idle, so that it
 * costs the first paint nothing; a press before that opens it as soon as it is there.
 */
import { useEffect, useState, useSyncExternalStore, type ReactElement, type ReactNode } from "react";
import type { MenuPanel } from "./menu-panel.tsx";

export type MenuEntry =
  | { readonly kind: "action"; readonly label: string; readonly hint?: string; readonly disabled?: boolean; readonly onSelect: () => void }
  | {
      readonly kind: "choices";
      readonly name: string;
      readonly value: string;
      readonly choices: readonly { readonly value: string; readonly label: string }[];
      readonly onChoose: (value: string) => void;
    }
  | { readonly kind: "line" };

export interface MenuProps {
  /** One button element; it keeps its own name. */
  readonly trigger: ReactElement;
  readonly entries: readonly MenuEntry[];
  readonly side?: "top" | "bottom";
}

export function Menu(props: MenuProps): ReactNode {
  const Panel = useSyncExternalStore(subscribe, () => panel);
  const [pressed, setPressed] = useState(false);
  useEffect(() => whenIdle(load), []);
  if (Panel !== null) return <Panel {...props} initiallyOpen={pressed} />;
  const press = () => {
    setPressed(true);
    load();
  };
  return (
    <span className="contents" onClick={press}>
      {props.trigger}
    </span>
  );
}

let panel: typeof MenuPanel | null = null;
let loading = false;
const listeners = new Set<() => void>();

function load(): void {
  if (loading) return;
  loading = true;
  import("./menu-panel.tsx").then(
    (module) => {
      panel = module.MenuPanel;
      for (const listener of listeners) listener();
    },
    // The connection is gone; the next press tries again.
    () => {
      loading = false;
    },
  );
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function whenIdle(run: () => void): () => void {
  if (typeof requestIdleCallback === "undefined") {
    const timer = setTimeout(run, 200);
    return () => clearTimeout(timer);
  }
  const handle = requestIdleCallback(run, { timeout: 1_000 });
  return () => cancelIdleCallback(handle);
}
