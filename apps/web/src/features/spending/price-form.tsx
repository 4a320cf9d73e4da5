/** The prices of models as a table of text, one line for each: it can be pasted as a whole and is checked line by line. */
import { putPrices as schema, type PriceTable } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { putPrices, resetPrices } from "../../api/budget.ts";
import { pricesKey } from "../../api/query-keys.ts";
import { Button } from "../../ui/button.tsx";
import { Field } from "../../ui/field.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { ErrorPanel } from "../errors/error-panel.tsx";
import { formatPriceLines, readPriceLines } from "@samovar/domain/price-lines";

export function PriceForm({ table, onDone }: { readonly table: PriceTable; readonly onDone: () => void }) {
  const client = useQueryClient();
  const [text, setText] = useState(() => formatPriceLines(table.prices));
  const [asOf, setAsOf] = useState(() => new Date().toISOString().slice(0, 10));
  const done = (next: PriceTable) => {
    client.setQueryData(pricesKey, next);
    onDone();
  };
  const save = useMutation({ mutationFn: putPrices, onSuccess: done });
  const reset = useMutation({ mutationFn: resetPrices, onSuccess: done });
  const lines = readPriceLines(text);
  const checked = lines.ok ? schema.safeParse({ prices: lines.value, asOf }) : null;
  const fault = lines.ok ? (checked?.error?.issues[0]?.message ?? null) : lines.error;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (checked?.success === true) save.mutate(checked.data);
  };
  const error = save.error ?? reset.error;
  return (
    <form noValidate aria-label="Prices" onSubmit={submit} className="flex flex-col gap-4">
      <TextField
        label="Prices"
        hint="A line for each model: name (* for any text), then USD per million tokens of input, output, cache read, cache write. The first line that fits counts."
        rows={12}
        value={text}
        aria-invalid={fault !== null}
        onChange={(event) => setText(event.target.value)}
      />
      <Field label="As of" type="date" value={asOf} onChange={(event) => setAsOf(event.target.value)} />
      {fault !== null && (
        <p role="alert" className="text-small text-failed">
          {fault}
        </p>
      )}
      {error !== null && <ErrorPanel what="Couldn't save the prices." error={error} />}
      <div className="flex flex-wrap items-center gap-3">
        <Button type="submit" kind="primary" disabled={save.isPending || fault !== null}>
          {save.isPending ? "Saving…" : "Save prices"}
        </Button>
        {table.changedAt !== null && (
          <Button disabled={reset.isPending} onClick={() => reset.mutate()}>
            Restore Samovar's prices
          </Button>
        )}
        <Button kind="quiet" onClick={onDone}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
