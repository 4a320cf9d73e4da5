/** For a task that reached its own limit: a higher one, after which it can be run again. */
import type { TaskView } from "@samovar/contracts";
import { isReached } from "@samovar/domain/budget";
import { useState, type FormEvent } from "react";
import { Button } from "../../ui/button.tsx";
import { Refusal } from "../errors/refusal.tsx";
import { useTaskEdit } from "../tasks/use-task-edit.ts";
import { LimitFields } from "./limit-fields.tsx";
import { readTyped, toTyped } from "./typed-limit.ts";

export function RaiseLimit({ task }: { readonly task: TaskView }) {
  const { spending } = task;
  const [value, setValue] = useState(() => toTyped(task.budget ?? spending?.limit ?? null));
  const edit = useTaskEdit(task);
  if (spending === null || task.status !== "failed" || task.failure?.code !== "budget_exceeded") return null;
  if (!isReached(spending.limit, spending))
    return <p className="text-small text-ink-2">Its limit leaves room now: run it again.</p>;
  const limit = readTyped(value);
  const isEnough = limit !== null && !isReached(limit, spending);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (isEnough) edit.mutate({ budget: limit });
  };
  return (
    <form noValidate aria-label="Limit of this task" onSubmit={submit} className="flex flex-col gap-2">
      <div className="grid gap-3 tablet:grid-cols-2">
        <LimitFields name="Limit" value={value} onChange={setValue} />
      </div>
      {edit.isError && <Refusal what="Couldn't change the limit." error={edit.error} />}
      <div className="flex items-center gap-3">
        <Button type="submit" disabled={edit.isPending || !isEnough}>
          {edit.isPending ? "Saving…" : "Raise limit"}
        </Button>
        {limit !== null && !isEnough && <span className="text-small text-ink-3">That is used up already.</span>}
      </div>
    </form>
  );
}
