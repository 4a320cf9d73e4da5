/** The title of the browser's tab: the page's own name, and before it what asks for a look. */
import { useEffect } from "react";

const shown = { mark: "", title: "" };

export function useTitle(title: string): void {
  useEffect(() => update({ title }), [title]);
}

/** `● 2` before every title while the component stands; nothing when empty. */
export function useTitleMark(mark: string): void {
  useEffect(() => {
    update({ mark });
    return () => update({ mark: "" });
  }, [mark]);
}

function update(change: Partial<typeof shown>): void {
  Object.assign(shown, change);
  document.title = [shown.mark, shown.title, "Samovar"].filter((part) => part !== "").join(" · ");
}
