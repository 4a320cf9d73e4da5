/** A task's priority by shape and word; nothing for none. */
import { OctagonAlert, SignalHigh, SignalLow, SignalMedium, type LucideIcon } from "lucide-react";
import { labelPriority } from "./priorities.ts";

const ICONS: Readonly<Record<number, LucideIcon>> = { 1: OctagonAlert, 2: SignalHigh, 3: SignalMedium, 4: SignalLow };

export function PriorityMark({ priority }: { readonly priority: number }) {
  const Icon = ICONS[priority];
  if (Icon === undefined) return null;
  return (
    <span className={`inline-flex shrink-0 items-center gap-1 ${priority === 1 ? "text-failed" : "text-ink-2"}`}>
      <Icon size={14} aria-hidden="true" />
      {labelPriority(priority)}
    </span>
  );
}
