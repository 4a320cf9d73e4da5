/**
 * A dialog over the page. The page behind it is inert meanwhile, and focus goes back to where it was: a dialog
 * without a trigger would lose it otherwise. Loaded only by what is itself loaded when needed.
 */
import { clsx } from "clsx";
import { X } from "lucide-react";
import { Dialog as Parts } from "radix-ui";
import { useEffect, type ReactNode } from "react";
import { IconButton } from "./button.tsx";

interface DialogProps {
  readonly title: string;
  readonly description?: string;
  /** Whether the title is only for those who hear the page. */
  readonly quiet?: boolean;
  readonly className?: string;
  /** Buttons beside the one that closes. */
  readonly actions?: ReactNode;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Dialog({ title, description, quiet = false, className, actions, onClose, children }: DialogProps) {
  useInertPage();
  return (
    <Parts.Root open modal={false} onOpenChange={(open) => !open && onClose()}>
      <Parts.Portal>
        <div aria-hidden="true" className="fixed inset-0 z-40 bg-scrim" onClick={onClose} />
        <Parts.Content
          aria-modal="true"
          {...(description === undefined ? { "aria-describedby": undefined } : {})}
          onInteractOutside={(event) => event.preventDefault()}
          className={clsx(
            "fixed inset-x-4 top-[10vh] z-50 mx-auto flex max-h-[80vh] max-w-140 flex-col overflow-hidden rounded-xl border border-hairline bg-raised shadow-lg",
            className,
          )}
        >
          <div className={quiet ? "sr-only" : clsx("ps-5 pt-4", actions ? "pe-24" : "pe-14")}>
            <Parts.Title className="text-title font-semibold">{title}</Parts.Title>
            {description !== undefined && (
              <Parts.Description className="text-ui text-ink-2">{description}</Parts.Description>
            )}
          </div>
          {children}
          {/* Last, so that the first thing with the focus is what the dialog is for. */}
          {!quiet && (
            <div className="absolute end-4 top-3 flex gap-1">
              {actions}
              <IconButton label="Close" onClick={onClose}>
                <X size={16} aria-hidden="true" />
              </IconButton>
            </div>
          )}
        </Parts.Content>
      </Parts.Portal>
    </Parts.Root>
  );
}

function useInertPage(): void {
  useEffect(() => {
    const before = document.activeElement;
    const root = document.getElementById("root");
    root?.setAttribute("inert", "");
    return () => {
      root?.removeAttribute("inert");
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
}
