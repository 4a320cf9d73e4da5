/**
 * A menu on a button, described as data. Its code is loaded as a separate chunk while the page is idle, so that it
 * costs the first paint nothing; a press before that opens it as soon as it is there.
 */
import { fetchAhead } from "../lib/when-idle.ts";
import { lazy, Suspense, useEffect, useState, useSyncExternalStore, type ReactElement, type ReactNode } from "react";

export type MenuEntry =
  | {
      readonly kind: "action";
      readonly label: string;
      readonly hint?: string;
      readonly disabled?: boolean;
      readonly onSelect: () => void;
    }
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
  readonly align?: "start" | "end";
}

export function Menu(props: MenuProps): ReactNode {
  const isReady = useSyncExternalStore(subscribe, () => ready);
  const [pressed, setPressed] = useState(false);
  useEffect(() => fetchAhead(load), []);
  const press = () => {
    setPressed(true);
    void load();
  };
  const waiting = (
    <span className="contents" onClick={press}>
      {props.trigger}
    </span>
  );
  if (!isReady) return waiting;
  return (
    <Suspense fallback={waiting}>
      <MenuPanel {...props} initiallyOpen={pressed} />
    </Suspense>
  );
}

const fetchPanel = () => import("./menu-panel.tsx");
const MenuPanel = lazy(async () => ({ default: (await fetchPanel()).MenuPanel }));

let ready = false;
const listeners = new Set<() => void>();

async function load(): Promise<void> {
  if (ready) return;
  try {
    await fetchPanel();
  } catch {
    // The connection is gone; the next press tries again.
    return;
  }
  ready = true;
  for (const listener of listeners) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
