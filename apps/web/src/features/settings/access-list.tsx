/** A titled list of what can act as this person, with its loading, error and empty states, and a row of it. */
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Skeleton } from "../../ui/skeleton.tsx";
import { ErrorPanel } from "../errors/error-panel.tsx";

interface AccessListProps<T> {
  readonly title: string;
  readonly about: ReactNode;
  /** `API tokens`, as in "Couldn't load API tokens." */
  readonly what: string;
  readonly none: string;
  readonly query: Pick<UseQueryResult<readonly T[]>, "data" | "error" | "isPending" | "isError" | "refetch">;
  readonly action?: ReactNode;
  readonly renderRow: (item: T) => ReactNode;
}

export function AccessList<T extends { readonly id: string }>(props: AccessListProps<T>) {
  const { title, about, what, none, query, action, renderRow } = props;
  return (
    <section aria-label={title} className="flex flex-col gap-3">
      <div className="flex min-h-8 flex-wrap items-center justify-between gap-3">
        <h2 className="text-title font-semibold">{title}</h2>
        {action}
      </div>
      <p className="text-ui text-ink-2">{about}</p>
      {query.isPending && <Skeleton label={`Loading ${what}`} lines={[100, 100]} />}
      {query.isError && query.data === undefined && (
        <ErrorPanel what={`Couldn't load ${what}.`} error={query.error} onRetry={() => void query.refetch()} />
      )}
      {query.data?.length === 0 && <p className="text-ui text-ink-3">{none}</p>}
      {query.data !== undefined && query.data.length > 0 && (
        <ul className="flex flex-col divide-y divide-hairline rounded-xl border border-hairline bg-raised">
          {query.data.map((item) => (
            <li key={item.id}>{renderRow(item)}</li>
          ))}
        </ul>
      )}
    </section>
  );
}

interface AccessRowProps {
  readonly name: string;
  /** Beside the name: `This browser`. */
  readonly mark: string | null;
  readonly facts: ReactNode;
  readonly action: ReactNode;
}

export function AccessRow({ name, mark, facts, action }: AccessRowProps) {
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-1 p-3 text-ui">
      <div className="flex min-w-0 flex-1 basis-60 flex-col gap-0.5">
        <span className="font-medium wrap-anywhere">
          {name}
          {mark !== null && (
            <span className="ms-2 rounded bg-accent-tint px-1.5 py-0.5 text-small font-normal">{mark}</span>
          )}
        </span>
        <span className="text-small text-ink-3">{facts}</span>
      </div>
      {action}
    </div>
  );
}
