/** A labelled text of several lines with its hint beneath. */
import { clsx } from "clsx";
import { useId, type ComponentProps } from "react";
import { CONTROL } from "./field.tsx";

interface TextFieldProps extends ComponentProps<"textarea"> {
  readonly label: string;
  readonly hint: string;
}

export function TextField({ label, hint, className, ...textarea }: TextFieldProps) {
  const id = useId();
  return (
    <div className="flex flex-col gap-1">
      <label htmlFor={id} className="text-small font-medium text-ink-2">
        {label}
      </label>
      <textarea
        id={id}
        rows={2}
        spellCheck={false}
        aria-describedby={`${id}-note`}
        className={clsx(CONTROL, "max-h-60 resize-y py-1.5 font-mono [field-sizing:content]", className)}
        {...textarea}
      />
      <p id={`${id}-note`} className="text-small text-ink-3">
        {hint}
      </p>
    </div>
  );
}
