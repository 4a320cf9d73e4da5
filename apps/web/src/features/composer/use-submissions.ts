/** The tasks that the page is still sending, made once by `main.tsx` and handed down. */
import { invariant } from "@samovar/base";
import { createContext, use } from "react";
import type { StoreApi } from "zustand/vanilla";
import type { SubmissionState } from "./submissions.ts";

export const SubmissionsContext = createContext<StoreApi<SubmissionState> | null>(null);

export function useSubmissions(): StoreApi<SubmissionState> {
  const store = use(SubmissionsContext);
  invariant(store !== null, "the page's submissions are missing");
  return store;
}
