/** A labelled input with its hint or its fault beneath. */
import { clsx } from "clsx";
import { useId, type ComponentProps } from "react";

interface FieldProps extends ComponentProps<"input"> {
  readonly label: string;
  readonly hint?: string;
  readonly fault?: string | undefined;
}

export const CONTROL =
  "min-h-9 w-full rounded-md border border-control bg-bg px-2.5 text-ui text-ink aria-invalid:border-failed pointer-coarse:min-h-11";

export function Field({ label, hint, fault, className, ...input }: FieldProps) {
  const id = useId();
  const note = fault ?? hint;
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-small font-medium text-ink-2">
        {label}
      </label>
      <input
        id={id}
        className={clsx(CONTROL, className)}
        aria-invalid={fault !== undefined}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
        {...input}
      />
      {note !== undefined && (
        <p id={`${id}-note`} className={clsx("text-small", fault === undefined ? "text-ink-3" : "text-failed")}>
          {note}
        </p>
      )}
    </div>
  );
}
