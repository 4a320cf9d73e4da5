/** What can be done with a card: the same moves as by dragging, and the only ones on a phone. */
import type { TaskView } from "@samovar/contracts";
import { MoreHorizontal } from "lucide-react";
import { MenuPanel } from "../../ui/menu-panel.tsx";
import type { MenuEntry } from "../../ui/menu.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { labelColumn } from "./columns.ts";
import { PRIORITIES_BY_URGENCY, labelPriority } from "../tasks/priorities.ts";
import { labelAcknowledge } from "../tasks/label-acknowledge.ts";
import { isIdle } from "../tasks/shown-status.ts";
import { mayReorder, moveTo, TARGETS, type Move } from "./moves.ts";

export interface CardMenuActions {
  readonly onMove: (to: (typeof TARGETS)[number]) => void;
  readonly onAcknowledge: (acknowledged: boolean) => void;
  readonly onPriority: (priority: number) => void;
  readonly onEdit: () => void;
  readonly onDelete: () => void;
}

interface CardMenuProps {
  readonly task: TaskView;
  readonly open: boolean;
  readonly onOpenChange: (open: boolean) => void;
  readonly onClosed: () => void;
  readonly tabIndex: number;
  readonly actions: CardMenuActions;
}

/** The menu's machinery stands on the one card whose menu is open; the others have a plain button. */
export function CardMenu({ task, open, onOpenChange, onClosed, tabIndex, actions }: CardMenuProps) {
  const trigger = (
    <button
      type="button"
      tabIndex={tabIndex}
      aria-label={`Actions for ${visibleText(task.title)}`}
      aria-haspopup="menu"
      aria-expanded={open}
      onClick={open ? undefined : () => onOpenChange(true)}
      className="absolute end-1 top-1 z-10 inline-flex size-7 items-center justify-center rounded-md text-ink-3 hover:bg-inset hover:text-ink pointer-coarse:size-11"
    >
      <MoreHorizontal size={16} aria-hidden="true" />
    </button>
  );
  if (!open) return trigger;
  return (
    <MenuPanel
      trigger={trigger}
      entries={listEntries(task, actions)}
      open
      onOpenChange={onOpenChange}
      onClosed={onClosed}
    />
  );
}

function listEntries(task: TaskView, actions: CardMenuActions): readonly MenuEntry[] {
  const moves = TARGETS.flatMap((to): MenuEntry[] => {
    const move = moveTo(task, to);
    if (move.kind !== "edit" && move.kind !== "act") return [];
    const label = move.kind === "act" && move.action === "retry" ? "Run again" : `Move to ${labelColumn(to)}`;
    const hint = describeCost(move);
    return [{ kind: "action", label, ...(hint === null ? {} : { hint }), onSelect: () => actions.onMove(to) }];
  });
  const none: MenuEntry = { kind: "action", label: "Can't be moved", disabled: true, onSelect: () => {} };
  const entries: MenuEntry[] = moves.length === 0 ? [none] : moves;
  if (task.status === "failed") entries.push({ kind: "line" }, attention(task, actions));
  if (mayReorder(task)) entries.push({ kind: "line" }, priorities(task, actions));
  if (!mayReorder(task)) return entries;
  entries.push({ kind: "line" }, { kind: "action", label: "Edit…", onSelect: actions.onEdit });
  if (isIdle(task) && task.attempt === 0)
    entries.push({ kind: "action", label: "Delete…", onSelect: actions.onDelete });
  return entries;
}

const attention = ({ acknowledged }: TaskView, actions: CardMenuActions): MenuEntry => ({
  kind: "action",
  ...labelAcknowledge(acknowledged),
  onSelect: () => actions.onAcknowledge(!acknowledged),
});

const priorities = (task: TaskView, actions: CardMenuActions): MenuEntry => ({
  kind: "choices",
  name: "Priority",
  value: `${task.priority}`,
  choices: PRIORITIES_BY_URGENCY.map((value) => ({ value: `${value}`, label: labelPriority(value) })),
  onChoose: (value) => actions.onPriority(Number(value)),
});

function describeCost(move: Move): string | null {
  if (move.kind !== "act") return null;
  return move.action === "cancel" ? null : "uses a node";
}
