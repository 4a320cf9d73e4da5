/** Buttons: one primary action a view, the rest quiet. */
import { clsx } from "clsx";
import type { ComponentProps } from "react";

export type ButtonKind = "primary" | "plain" | "quiet" | "danger";

const KINDS: Readonly<Record<ButtonKind, string>> = {
  primary: "bg-accent text-on-accent border-transparent hover:opacity-90",
  plain: "bg-raised text-ink border-control hover:bg-inset",
  quiet: "bg-transparent text-ink-2 border-transparent hover:bg-inset hover:text-ink",
  danger: "bg-raised text-failed border-control hover:bg-failed-tint",
};

interface ButtonProps extends ComponentProps<"button"> {
  readonly kind?: ButtonKind;
}

export function getButtonClass(kind: ButtonKind, className?: string): string {
  return clsx(
    "inline-flex min-h-8 items-center justify-center gap-1.5 rounded-md border px-3 text-ui font-medium whitespace-nowrap select-none",
    "transition-[background-color,opacity] duration-120 disabled:opacity-55 pointer-coarse:min-h-11",
    KINDS[kind],
    className,
  );
}

export function Button({ kind = "plain", className, type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={getButtonClass(kind, className)} {...rest} />;
}

interface IconButtonProps extends ComponentProps<"button"> {
  /** The accessible name; shown as a tooltip too. */
  readonly label: string;
}

export function IconButton({ label, className, type = "button", ...rest }: IconButtonProps) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={clsx(
        "inline-flex size-8 items-center justify-center rounded-md text-ink-2 hover:bg-inset hover:text-ink pointer-coarse:size-11",
        className,
      )}
      {...rest}
    />
  );
}
