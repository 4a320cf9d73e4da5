/** Says that what is shown is old, of when it is, and what still works. */
import { WifiOff } from "lucide-react";
import { useConnectionWord, useLastOpenAt } from "../../api/use-live.ts";
import { clockWords } from "../../lib/format-time.ts";

export function OfflineBar() {
  const offline = useConnectionWord() === "offline";
  const lastOpenAt = useLastOpenAt();
  if (!offline) return null;
  return (
    <div
      role="status"
      className="flex min-h-8 shrink-0 items-center justify-center gap-2 bg-working-tint px-3 py-1 text-small text-working"
    >
      <WifiOff size={15} className="shrink-0" aria-hidden="true" />
      {lastOpenAt === null
        ? "Offline: Samovar cannot be reached."
        : `Offline. Showing what we had at ${clockWords(lastOpenAt)}.`}{" "}
      Drafts are kept; running waits until the connection is back.
    </div>
  );
}
