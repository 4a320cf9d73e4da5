/** The menu itself. Never modal: a modal menu hides the page from assistive technology while focus is in it. */
import { assertNever } from "@samovar/base";
import { Check } from "lucide-react";
import { DropdownMenu } from "radix-ui";
import type { MenuEntry, MenuProps } from "./menu.tsx";

const ITEM =
  "flex min-h-8 cursor-pointer items-center justify-between gap-3 rounded-md px-2 py-1 outline-none data-[disabled]:cursor-not-allowed data-[disabled]:text-ink-3 data-[highlighted]:bg-inset pointer-coarse:min-h-11";

/** Opens by itself, or as its owner says. */
type MenuPanelProps = MenuProps &
  (
    | {
        readonly initiallyOpen: boolean;
        readonly open?: never;
        readonly onOpenChange?: never;
        readonly onClosed?: never;
      }
    | {
        readonly initiallyOpen?: never;
        readonly open: boolean;
        readonly onOpenChange: (open: boolean) => void;
        /** Gives the focus to where it belongs, instead of to the trigger. */
        readonly onClosed: () => void;
      }
  );

export function MenuPanel({ trigger, entries, side = "bottom", align = "end", ...opening }: MenuPanelProps) {
  const { onClosed } = opening;
  return (
    <DropdownMenu.Root
      modal={false}
      {...(opening.open === undefined
        ? { defaultOpen: opening.initiallyOpen }
        : { open: opening.open, onOpenChange: opening.onOpenChange })}
    >
      <DropdownMenu.Trigger asChild>{trigger}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          side={side}
          align={align}
          sideOffset={6}
          collisionPadding={8}
          {...(onClosed === undefined
            ? {}
            : {
                onCloseAutoFocus: (event: Event) => {
                  event.preventDefault();
                  onClosed();
                },
              })}
          className="z-50 max-w-80 min-w-52 rounded-lg border border-hairline bg-raised p-1 text-ui shadow-lg"
        >
          {entries.map((entry, index) => (
            <Entry key={index} entry={entry} />
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

function Entry({ entry }: { readonly entry: MenuEntry }) {
  switch (entry.kind) {
    case "action":
      return (
        <DropdownMenu.Item onSelect={entry.onSelect} disabled={entry.disabled === true} className={ITEM}>
          {entry.label}
          {entry.hint !== undefined && <kbd className="font-sans text-xs text-ink-3">{entry.hint}</kbd>}
        </DropdownMenu.Item>
      );
    case "choices":
      return <Choices entry={entry} />;
    case "line":
      return <DropdownMenu.Separator className="my-1 h-px bg-hairline" />;
    default:
      return assertNever(entry, "menu entry");
  }
}

function Choices({ entry }: { readonly entry: Extract<MenuEntry, { kind: "choices" }> }) {
  return (
    <DropdownMenu.RadioGroup value={entry.value} onValueChange={entry.onChoose} aria-label={entry.name}>
      <DropdownMenu.Label className="px-2 pt-1 text-xs text-ink-3">{entry.name}</DropdownMenu.Label>
      {entry.choices.map((choice) => (
        <DropdownMenu.RadioItem key={choice.value} value={choice.value} className={ITEM}>
          {choice.label}
          <DropdownMenu.ItemIndicator>
            <Check size={14} aria-hidden="true" />
          </DropdownMenu.ItemIndicator>
        </DropdownMenu.RadioItem>
      ))}
    </DropdownMenu.RadioGroup>
  );
}
