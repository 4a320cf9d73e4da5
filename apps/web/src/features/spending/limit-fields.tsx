/** The two fields of a limit: in USD, and in tokens for models whose price isn't known. Both may be empty. */
import { parseTokens, parseUsd } from "@samovar/domain/spending-text";
import { Field } from "../../ui/field.tsx";
import type { TypedLimit } from "./typed-limit.ts";

interface LimitFieldsProps {
  /** Such as "Each task": the fields are named by it. */
  readonly name: string;
  readonly value: TypedLimit;
  /** What counts while both are empty. */
  readonly placeholder?: string;
  readonly onChange: (value: TypedLimit) => void;
}

export function LimitFields({ name, value, placeholder = "No limit", onChange }: LimitFieldsProps) {
  return (
    <>
      <Field
        label={`${name}, USD`}
        inputMode="decimal"
        autoComplete="off"
        value={value.usd}
        placeholder={placeholder}
        fault={parseUsd(value.usd) === undefined ? "Use an amount such as 2.50." : undefined}
        onChange={(event) => onChange({ ...value, usd: event.target.value })}
      />
      <Field
        label={`${name}, tokens`}
        autoComplete="off"
        value={value.tokens}
        placeholder={placeholder}
        fault={parseTokens(value.tokens) === undefined ? "Use a number such as 500k or 2M." : undefined}
        onChange={(event) => onChange({ ...value, tokens: event.target.value })}
      />
    </>
  );
}
