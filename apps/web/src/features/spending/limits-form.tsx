/** A form for the limits of each task and of a day, for the installation and for a project. */
import type { SpendingLimit } from "@samovar/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState, type FormEvent } from "react";
import { Button } from "../../ui/button.tsx";
import { ErrorPanel } from "../errors/error-panel.tsx";
import { LimitFields } from "./limit-fields.tsx";
import { readTyped, toTyped } from "./typed-limit.ts";

interface LimitsFormProps<T> {
  readonly label: string;
  readonly limits: { readonly task: SpendingLimit | null; readonly day: SpendingLimit };
  /** What counts for each task while its fields are empty. */
  readonly inherited?: string;
  readonly save: (limits: { readonly task: SpendingLimit; readonly day: SpendingLimit }) => Promise<T>;
  /** The cached answer that the saved one replaces. */
  readonly queryKey: readonly unknown[];
}

export function LimitsForm<T>({ label, limits, inherited, save, queryKey }: LimitsFormProps<T>) {
  const client = useQueryClient();
  const [task, setTask] = useState(() => toTyped(limits.task));
  const [day, setDay] = useState(() => toTyped(limits.day));
  const saving = useMutation({
    mutationFn: save,
    onSuccess: (next) => client.setQueryData(queryKey, next),
  });
  const [read, readDay] = [readTyped(task), readTyped(day)];
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (read !== null && readDay !== null) saving.mutate({ task: read, day: readDay });
  };
  return (
    <form noValidate aria-label={label} onSubmit={submit} className="flex flex-col gap-4">
      <div className="grid gap-4 tablet:grid-cols-2">
        <LimitFields
          name="Each task"
          value={task}
          {...(inherited === undefined ? {} : { placeholder: inherited })}
          onChange={setTask}
        />
        <LimitFields name="Each day" value={day} onChange={setDay} />
      </div>
      {saving.isError && <ErrorPanel what="Couldn't save the limits." error={saving.error} />}
      <div className="flex items-center gap-3">
        <Button type="submit" kind="primary" disabled={saving.isPending || read === null || readDay === null}>
          {saving.isPending ? "Saving…" : "Save limits"}
        </Button>
        <span role="status" className="text-small text-ink-2">
          {saving.isSuccess && "Saved"}
        </span>
      </div>
    </form>
  );
}
