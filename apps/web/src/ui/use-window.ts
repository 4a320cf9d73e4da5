/** How wide the window is, by the same bounds as the style's `tablet` and `desktop`. */
import { useSyncExternalStore } from "react";

/** As narrow as a phone's. */
export const usePhone = widthHook("(width < 48rem)");
/** Wide enough for a panel beside the transcript. */
export const useDesktop = widthHook("(width >= 75rem)");

function widthHook(query: string): () => boolean {
  const media = matchMedia(query);
  const subscribe = (listener: () => void) => {
    media.addEventListener("change", listener);
    return () => media.removeEventListener("change", listener);
  };
  return () => useSyncExternalStore(subscribe, () => media.matches);
}
