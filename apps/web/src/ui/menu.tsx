/** A menu on a button. Never modal: a modal menu hides the page from assistive technology while focus is in it. */
import clsx from "clsx";
import { DropdownMenu } from "radix-ui";
import type { ReactNode } from "react";

interface MenuProps {
  readonly trigger: ReactNode;
  readonly children: ReactNode;
  readonly side?: "top" | "bottom";
}

export function Menu({ trigger, children, side = "bottom" }: MenuProps) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          side={side}
          align="end"
          sideOffset={6}
          collisionPadding={8}
          className="z-50 max-w-80 min-w-52 rounded-lg border border-hairline bg-raised p-1 text-ui shadow-lg"
        >
          {children}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

const ITEM =
  "flex min-h-8 cursor-pointer items-center gap-2 rounded-md px-2 py-1 outline-none data-[highlighted]:bg-inset data-[disabled]:cursor-not-allowed data-[disabled]:text-ink-3 pointer-coarse:min-h-11";

interface MenuItemProps {
  readonly onSelect: () => void;
  readonly disabled?: boolean;
  readonly children: ReactNode;
}

export function MenuItem({ onSelect, disabled = false, children }: MenuItemProps) {
  return (
    <DropdownMenu.Item onSelect={onSelect} disabled={disabled} className={ITEM}>
      {children}
    </DropdownMenu.Item>
  );
}

export interface MenuChoice<T extends string> {
  readonly value: T;
  readonly label: string;
}

interface MenuChoicesProps<T extends string> {
  readonly name: string;
  readonly value: T;
  readonly choices: readonly MenuChoice<T>[];
  readonly onChoose: (value: T) => void;
}

export function MenuChoices<T extends string>({ name, value, choices, onChoose }: MenuChoicesProps<T>) {
  return (
    <DropdownMenu.RadioGroup value={value} aria-label={name}>
      <DropdownMenu.Label className="px-2 pt-1 text-xs text-ink-3">{name}</DropdownMenu.Label>
      {choices.map((choice) => (
        <DropdownMenu.RadioItem
          key={choice.value}
          value={choice.value}
          onSelect={() => onChoose(choice.value)}
          className={clsx(ITEM, "justify-between")}
        >
          {choice.label}
          <DropdownMenu.ItemIndicator>
            <span aria-hidden="true">✓</span>
          </DropdownMenu.ItemIndicator>
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}

export function MenuLine() {
  return <DropdownMenu.Separator className="my-1 h-px bg-hairline" />;
}
