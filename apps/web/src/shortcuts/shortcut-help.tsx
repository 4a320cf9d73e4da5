/** All keyboard shortcuts, grouped. */
import { KEYMAP, formatStep, type KeyBinding } from "./keymap.ts";
import { useActions } from "./actions.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { isApple } from "./format-shortcut.ts";

const GROUPS = [...new Set(KEYMAP.map(({ group }) => group))];

export function ShortcutHelp({ onClose }: { readonly onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" className="max-w-180" onClose={onClose}>
      <div className="overflow-y-auto px-5 pt-2 pb-5">
        <SingleKeySetting />
        <div className="grid gap-x-8 gap-y-4 tablet:grid-cols-2">
          {GROUPS.map((group) => (
            <section key={group} aria-label={group}>
              <h3 className="pb-1 text-small font-medium text-ink-3">{group}</h3>
              <dl className="flex flex-col gap-1 text-ui">
                {KEYMAP.filter((each) => each.group === group).map((binding) => (
                  <div key={binding.id} className="flex justify-between gap-3">
                    <dt>{binding.label}</dt>
                    <dd>
                      <ShortcutKeys binding={binding} />
                    </dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </div>
      </div>
    </Dialog>
  );
}

export function ShortcutKeys({ binding }: { readonly binding: KeyBinding }) {
  const apple = isApple();
  return (
    <span className="inline-flex gap-1">
      {binding.steps.map((step, index) => (
        <kbd
          key={index}
          className="rounded border border-hairline bg-inset px-1.5 font-sans text-xs leading-5 whitespace-nowrap text-ink-2"
        >
          {formatStep(step, apple)}
        </kbd>
      ))}
    </span>
  );
}

export function SingleKeySetting() {
  const store = useActions();
  const on = store((state) => state.singleKeys);
  return (
    <label className="mb-3 flex items-center gap-2 text-ui">
      <input
        type="checkbox"
        checked={on}
        onChange={(event) => store.getState().setSingleKeys(event.target.checked)}
        className="size-4 accent-accent"
      />
      Single-letter shortcuts work outside text fields
    </label>
  );
}
