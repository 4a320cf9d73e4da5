/** A task's status by shape, word and colour; never by colour alone. */
import type { TaskStatus } from "@samovar/contracts";
import { clsx } from "clsx";
import {
  Ban,
  Circle,
  CircleCheck,
  CircleDashed,
  CircleStop,
  Clock,
  Forward,
  OctagonX,
  type LucideIcon,
} from "lucide-react";

/** `cancelling`: in work, and asked to end. `ended`: over, and more is not known here. */
export type ShownStatus = TaskStatus | "cancelling" | "ended";

interface Look {
  readonly word: string;
  readonly icon: LucideIcon | "half-circle";
  readonly text: string;
  readonly tint: string;
}

const LOOKS: Readonly<Record<ShownStatus, Look>> = {
  draft: { word: "Draft", icon: CircleDashed, text: "text-quiet", tint: "bg-quiet-tint" },
  ready: { word: "Ready", icon: Circle, text: "text-ready", tint: "bg-ready-tint" },
  queued: { word: "Queued", icon: Clock, text: "text-queued", tint: "bg-queued-tint" },
  delegated: { word: "Starting", icon: Forward, text: "text-delegated", tint: "bg-delegated-tint" },
  in_progress: { word: "Working", icon: "half-circle", text: "text-working", tint: "bg-working-tint" },
  cancelling: { word: "Cancelling", icon: CircleStop, text: "text-working", tint: "bg-working-tint" },
  completed: { word: "Completed", icon: CircleCheck, text: "text-done", tint: "bg-done-tint" },
  failed: { word: "Failed", icon: OctagonX, text: "text-failed", tint: "bg-failed-tint" },
  ended: { word: "Ended", icon: CircleStop, text: "text-quiet", tint: "bg-quiet-tint" },
  cancelled: { word: "Cancelled", icon: Ban, text: "text-quiet", tint: "bg-quiet-tint" },
};

export const labelStatus = (status: ShownStatus): string => LOOKS[status].word;

export function StatusIcon({ status, size = 16 }: { readonly status: ShownStatus; readonly size?: number }) {
  const { icon: Icon, text } = LOOKS[status];
  if (Icon === "half-circle") return <HalfCircle size={size} className={text} />;
  return <Icon size={size} className={clsx("shrink-0", text)} aria-hidden="true" />;
}

export function StatusChip({ status }: { readonly status: ShownStatus }) {
  const { word, text, tint } = LOOKS[status];
  return (
    <span
      className={clsx(
        "inline-flex h-6 shrink-0 items-center gap-1.5 rounded-full px-2 text-small font-medium",
        text,
        tint,
      )}
    >
      <StatusIcon status={status} size={14} />
      {word}
    </span>
  );
}

/** Turns while there is movement; stands still where movement is not wanted. */
export function HalfCircle({ size, className }: { readonly size: number; readonly className: string }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" className={clsx("spin shrink-0", className)} aria-hidden="true">
      <circle cx="12" cy="12" r="9.5" fill="none" stroke="currentColor" strokeWidth="2.2" />
      <path d="M12 5.5a6.5 6.5 0 0 1 0 13z" fill="currentColor" />
    </svg>
  );
}
