/** A labelled choice. */
import { clsx } from "clsx";
import { useId, type ComponentProps } from "react";
import { CONTROL } from "./field.tsx";

interface SelectFieldProps extends ComponentProps<"select"> {
  readonly label: string;
}

export function SelectField({ label, className, ...select }: SelectFieldProps) {
  const id = useId();
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="text-small font-medium text-ink-2">
        {label}
      </label>
      <select id={id} className={clsx(CONTROL, className)} {...select} />
    </div>
  );
}
