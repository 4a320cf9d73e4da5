/** The page's live store, made once by `main.tsx` and handed down. */
import { invariant } from "@samovar/base";
import { createContext, use } from "react";
import type { LiveStore } from "./store.ts";

export const LiveStoreContext = createContext<LiveStore | null>(null);

export function useLiveStore(): LiveStore {
  const store = use(LiveStoreContext);
  invariant(store !== null, "the page's live store is missing");
  return store;
}
