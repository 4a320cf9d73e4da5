/** The page's own stores, made once by `main.tsx` and handed down. */
import { createContext, use } from "react";
import type { StoreApi } from "zustand/vanilla";
import { invariant } from "@samovar/base";
import type { LiveStore } from "./live/store.ts";
import type { SubmissionState } from "./submissions.ts";

export interface AppState {
  readonly live: LiveStore;
  readonly submissions: StoreApi<SubmissionState>;
}

export const AppStateContext = createContext<AppState | null>(null);

function useAppState(): AppState {
  const state = use(AppStateContext);
  invariant(state !== null, "the page's stores are missing");
  return state;
}

export const useLiveStore = (): LiveStore => useAppState().live;
export const useSubmissions = (): StoreApi<SubmissionState> => useAppState().submissions;
