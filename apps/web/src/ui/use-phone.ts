/** Whether the window is as narrow as a phone's; the same bound as the style's `tablet`. */
import { useSyncExternalStore } from "react";

const wide = matchMedia("(min-width: 48rem)");

export const usePhone = (): boolean => useSyncExternalStore(subscribe, () => !wide.matches);

function subscribe(listener: () => void): () => void {
  wide.addEventListener("change", listener);
  return () => wide.removeEventListener("change", listener);
}
