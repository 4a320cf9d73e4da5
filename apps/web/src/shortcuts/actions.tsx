/**
 * What the keys and the palette can do now: each part of the page offers its own commands while it stands. The
 * newest offer of an id counts, so that a page over another takes its keys.
 */
import { createContext, use, useEffect, useRef } from "react";
import { create, type StoreApi, type UseBoundStore } from "zustand";
import { invariant } from "@samovar/base";
import { openBrowserText } from "../lib/stored-text.ts";
import { KEYMAP, match, toStep } from "./keymap.ts";

interface Offer {
  readonly id: string;
  readonly run: () => void;
}

interface Actions {
  readonly offers: readonly Offer[];
  readonly singleKeys: boolean;
  readonly offer: (offer: Offer) => () => void;
  readonly perform: (id: string) => boolean;
  readonly setSingleKeys: (on: boolean) => void;
}

export type ActionStore = UseBoundStore<StoreApi<Actions>>;

const keptChoice = openBrowserText("single-keys");

export function createActions(): ActionStore {
  return create<Actions>((set, get) => ({
    offers: [],
    singleKeys: keptChoice.read() !== "off",
    offer(offer) {
      set(({ offers }) => ({ offers: [...offers, offer] }));
      return () => set(({ offers }) => ({ offers: offers.filter((each) => each !== offer) }));
    },
    perform(id) {
      const found = get().offers.findLast((each) => each.id === id);
      found?.run();
      return found !== undefined;
    },
    setSingleKeys(on) {
      keptChoice.write(on ? "" : "off");
      set({ singleKeys: on });
    },
  }));
}

export const ActionsContext = createContext<ActionStore | null>(null);

export function useActions(): ActionStore {
  const store = use(ActionsContext);
  invariant(store !== null, "the page's actions are missing");
  return store;
}

/** Offers a command of the keymap while the component stands and `when` holds. */
export function useAction(id: string, run: () => void, when = true): void {
  const store = useActions();
  const latest = useRef(run);
  useEffect(() => {
    latest.current = run;
  });
  useEffect(() => (when ? store.getState().offer({ id, run: () => latest.current() }) : undefined), [store, id, when]);
}

const SEQUENCE_MS = 1_000;

/** Listens to the keyboard for the whole page. */
export function useKeyboard(store: ActionStore): void {
  useEffect(() => {
    let begun: readonly string[] = [];
    let begunAt = 0;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || isCovered()) return;
      const step = toStep({
        key: event.key,
        mod: event.metaKey || event.ctrlKey,
        alt: event.altKey,
        shift: event.shiftKey,
      });
      if (step === null) return;
      const { offers, singleKeys, perform } = store.getState();
      const offered = KEYMAP.filter((binding) => offers.some(({ id }) => id === binding.id));
      const before = event.timeStamp - begunAt < SEQUENCE_MS ? begun : [];
      const matched = match(offered, before, step, { typing: isTyping(event.target), singleKeys });
      begun = matched.kind === "begun" ? matched.steps : [];
      begunAt = event.timeStamp;
      if (matched.kind === "found" && perform(matched.id)) event.preventDefault();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, [store]);
}

/** Behind a dialog or a menu nothing acts; what stands in front takes its own keys. */
const isCovered = (): boolean =>
  document.querySelector('[role="dialog"][aria-modal="true"], [role="alertdialog"], dialog:modal, [role="menu"]') !==
  null;

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || target.matches("input, textarea, select, [role=textbox]");
}
