/** The split button: running is always the primary; saving acts at once and never takes its place. */
import { ChevronDown, Play } from "lucide-react";
import { getButtonClass } from "../../ui/button.tsx";
import { Menu } from "../../ui/menu.tsx";
import { shortcut } from "../../shortcuts/format-shortcut.ts";

interface RunButtonProps {
  readonly disabled: boolean;
  readonly offline: boolean;
  readonly onRun: () => void;
  readonly onSave: () => void;
}

export function RunButton({ disabled, offline, onRun, onSave }: RunButtonProps) {
  const reason = offline
    ? "You're offline"
    : disabled
      ? "Describe a task first"
      : `Run it on a node (${shortcut("Enter")})`;
  return (
    <div className="ms-auto flex">
      <button
        type="button"
        disabled={disabled || offline}
        title={reason}
        onClick={onRun}
        className={getButtonClass("primary", "rounded-e-none pe-2.5")}
      >
        <Play size={14} aria-hidden="true" />
        Run now
        <kbd className="hidden font-sans text-xs font-normal opacity-80 tablet:inline">{shortcut("Enter")}</kbd>
      </button>
      <Menu
        side="top"
        trigger={
          <button
            type="button"
            aria-label="More ways to submit"
            disabled={disabled}
            className={getButtonClass("primary", "rounded-s-none border-s-bg/40 px-1.5 pointer-coarse:min-w-11")}
          >
            <ChevronDown size={16} aria-hidden="true" />
          </button>
        }
        entries={[{ kind: "action", label: "Save to backlog", hint: shortcut("Shift", "Enter"), onSelect: onSave }]}
      />
    </div>
  );
}
