/** What must be said of a message besides its content: that it broke off, or that it was cut. */
import type { MessageView } from "@samovar/contracts";
import { Scissors, Unplug } from "lucide-react";

const bytes = new Intl.NumberFormat("en", { style: "unit", unit: "kilobyte", maximumFractionDigits: 0 });

export function Marks({ message }: { readonly message: MessageView }) {
  if (!message.interrupted && message.truncated === null) return null;
  return (
    <p className="mt-1 flex flex-wrap gap-x-4 gap-y-1 text-small text-working">
      {message.interrupted && (
        <span className="inline-flex items-center gap-1.5">
          <Unplug size={14} aria-hidden="true" />
          Interrupted. Everything before this point is kept.
        </span>
      )}
      {message.truncated !== null && (
        <span className="inline-flex items-center gap-1.5" title={`SHA-256 ${message.truncated.sha256}`}>
          <Scissors size={14} aria-hidden="true" />
          Truncated from {bytes.format(Math.ceil(message.truncated.bytes / 1024))}.
        </span>
      )}
    </p>
  );
}
