/** An entry of the palette, and how its groups look. */
import { Command } from "cmdk";
import type { ReactNode } from "react";

export const GROUP =
  "[&_[cmdk-group-heading]]:px-3 [&_[cmdk-group-heading]]:py-1 [&_[cmdk-group-heading]]:text-xs [&_[cmdk-group-heading]]:text-ink-3";

interface ItemProps {
  readonly id: string;
  /** What it is found by. */
  readonly words: string;
  readonly icon: ReactNode;
  readonly onSelect: () => void;
  readonly children: ReactNode;
}

export function Item({ id, words, icon, onSelect, children }: ItemProps) {
  return (
    <Command.Item
      value={id}
      keywords={[words]}
      onSelect={onSelect}
      className="flex min-h-9 cursor-pointer items-center gap-2.5 rounded-md px-3 py-1 text-ink data-[selected=true]:bg-accent-tint pointer-coarse:min-h-11"
    >
      <span className="shrink-0 text-ink-3" aria-hidden="true">
        {icon}
      </span>
      {children}
    </Command.Item>
  );
}
