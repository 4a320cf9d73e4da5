/** The palette and the help, over any page. Their code comes while the page is idle, so that the first press opens at once. */
import { lazy, Suspense, useEffect, useState } from "react";
import { useAction } from "../../shortcuts/actions.tsx";
import { fetchAhead } from "../../lib/when-idle.ts";

type Shown = "palette" | "help" | null;

const fetchPalette = () => import("./palette.tsx");
const fetchHelp = () => import("../../shortcuts/shortcut-help.tsx");
const Palette = lazy(async () => ({ default: (await fetchPalette()).Palette }));
const ShortcutHelp = lazy(async () => ({ default: (await fetchHelp()).ShortcutHelp }));

export function Overlays() {
  const [shown, setShown] = useState<Shown>(null);
  useEffect(() => fetchAhead(() => Promise.all([fetchPalette(), fetchHelp()])), []);
  useAction("palette", () => setShown("palette"));
  useAction("help", () => setShown("help"));
  const close = () => setShown(null);
  return (
    <Suspense fallback={null}>
      {shown === "palette" && <Palette onClose={close} />}
      {shown === "help" && <ShortcutHelp onClose={close} />}
    </Suspense>
  );
}
