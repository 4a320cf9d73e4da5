/** Says that what is shown is old, of when it is, and what still works. */
import { WifiOff } from "lucide-react";
import { useConnectionStatus, useLastOpenAt } from "../../api/use-live.ts";
import { formatClock } from "../../lib/format-time.ts";

export function OfflineBar() {
  const offline = useConnectionStatus() === "offline";
  const lastOpenAt = useLastOpenAt();
  if (!offline) return null;
  return (
    <div
      role="status"
      className="flex min-h-8 shrink-0 items-center justify-center gap-2 bg-working-tint px-3 py-1 text-small text-working"
    >
      <WifiOff size={15} className="shrink-0" aria-hidden="true" />
      {lastOpenAt === null
        ? "Offline: can't reach Samovar."
        : `Offline. Showing the state of ${formatClock(lastOpenAt)}.`}{" "}
      Drafts are saved; tasks can't be started until you're back online.
    </div>
  );
}
