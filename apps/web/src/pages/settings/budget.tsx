/** Budget: what the models cost, the limits, and the prices by which Samovar counts. */
import type { BudgetView, PriceTable } from "@samovar/contracts";
import { formatSpent } from "@samovar/domain/spending-text";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { budgetQuery, pricesQuery, putBudget } from "../../api/budget.ts";
import { budgetKey } from "../../api/query-keys.ts";
import { ErrorPanel } from "../../features/errors/error-panel.tsx";
import { LimitsForm } from "../../features/spending/limits-form.tsx";
import { PriceForm } from "../../features/spending/price-form.tsx";
import { Sums } from "../../features/spending/sums.tsx";
import { visibleText } from "../../lib/visible-text.ts";
import { Button } from "../../ui/button.tsx";
import { Skeleton } from "../../ui/skeleton.tsx";
import { useTitle } from "../../ui/use-title.ts";

export function BudgetSettings() {
  useTitle("Budget");
  const budget = useQuery(budgetQuery);
  return (
    <>
      <h1 className="text-page font-semibold">Budget</h1>
      <p className="text-ui text-ink-2">
        Samovar counts the tokens of every model call that passes its gateway, and their cost at the prices below. A
        task that reaches a limit is stopped; its work is kept, and it can be retried once the limit is raised. Days and
        months are in UTC. Nodes are paid separately.
      </p>
      {budget.isPending && <Skeleton label="Loading the budget" lines={[100, 100, 60]} />}
      {budget.isError && budget.data === undefined && (
        <ErrorPanel what="Couldn't load the budget." error={budget.error} onRetry={() => void budget.refetch()} />
      )}
      {budget.data !== undefined && <Loaded budget={budget.data} />}
      <Prices />
    </>
  );
}

function Loaded({ budget }: { readonly budget: BudgetView }) {
  return (
    <>
      <Sums today={budget.today} month={budget.month} limit={budget.limits.day} />
      <ByProject budget={budget} />
      <section aria-label="Limits" className="flex flex-col gap-3">
        <h2 className="text-title font-semibold">Limits</h2>
        <p className="text-small text-ink-2">
          Each project can have its own limits in its settings, and each task its own in the composer.
        </p>
        <LimitsForm label="Limits" limits={budget.limits} save={putBudget} queryKey={budgetKey} />
      </section>
    </>
  );
}

function ByProject({ budget }: { readonly budget: BudgetView }) {
  if (budget.projects.length === 0) return <p className="text-ui text-ink-2">No model call was counted this month.</p>;
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-small tabular-nums">
        <caption className="sr-only">Spent by project</caption>
        <thead className="text-ink-3">
          <tr className="border-b border-hairline text-start">
            <th scope="col" className="py-1.5 pe-4 text-start font-medium">
              Project
            </th>
            <th scope="col" className="py-1.5 pe-4 text-end font-medium">
              Today
            </th>
            <th scope="col" className="py-1.5 text-end font-medium">
              This month
            </th>
          </tr>
        </thead>
        <tbody>
          {budget.projects.map(({ projectId, name, today, month }) => (
            <tr key={projectId} className="border-b border-hairline">
              <th scope="row" className="py-1.5 pe-4 text-start font-normal wrap-anywhere">
                <Link to="/p/$project/settings" params={{ project: projectId }} className="text-accent underline">
                  {visibleText(name)}
                </Link>
              </th>
              <td className="py-1.5 pe-4 text-end">{formatSpent(today) || "–"}</td>
              <td className="py-1.5 text-end">{formatSpent(month) || "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Prices() {
  const prices = useQuery(pricesQuery);
  const [editing, setEditing] = useState(false);
  return (
    <section aria-label="Prices" className="flex flex-col gap-3">
      <div className="flex min-h-8 items-center justify-between gap-3">
        <h2 className="text-title font-semibold">Prices</h2>
        {!editing && prices.data !== undefined && <Button onClick={() => setEditing(true)}>Edit prices</Button>}
      </div>
      {prices.isPending && <Skeleton label="Loading prices" lines={[100, 100, 100]} />}
      {prices.isError && prices.data === undefined && (
        <ErrorPanel what="Couldn't load prices." error={prices.error} onRetry={() => void prices.refetch()} />
      )}
      {prices.data !== undefined && <PriceNote table={prices.data} />}
      {prices.data !== undefined && editing && <PriceForm table={prices.data} onDone={() => setEditing(false)} />}
      {prices.data !== undefined && !editing && <PriceList table={prices.data} />}
    </section>
  );
}

const PriceNote = ({ table }: { readonly table: PriceTable }) => (
  <p className="text-small text-ink-2">
    USD per million tokens, as of <time dateTime={table.asOf}>{table.asOf}</time>
    {table.changedAt === null ? ", from the providers' price lists" : ", changed here"}. A change counts from then on.
    Tokens of a model that isn't listed are counted without a cost. Surcharges for very long prompts and for a cache of
    one hour aren't included.
  </p>
);

const COLUMNS = [
  ["Input", "input"],
  ["Output", "output"],
  ["Cache read", "cacheRead"],
  ["Cache write", "cacheWrite"],
] as const;

function PriceList({ table }: { readonly table: PriceTable }) {
  if (table.prices.length === 0) return <p className="text-ui text-ink-2">No model has a price.</p>;
  return (
    <div className="overflow-x-auto">
      <table className="w-full text-small tabular-nums">
        <caption className="sr-only">Prices of models in USD per million tokens</caption>
        <thead className="text-ink-3">
          <tr className="border-b border-hairline">
            <th scope="col" className="py-1.5 pe-4 text-start font-medium">
              Model
            </th>
            {COLUMNS.map(([label]) => (
              <th key={label} scope="col" className="py-1.5 ps-3 text-end font-medium whitespace-nowrap">
                {label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.prices.map((price) => (
            <tr key={price.pattern} className="border-b border-hairline">
              <th scope="row" className="py-1 pe-4 text-start font-mono text-code font-normal whitespace-nowrap">
                {price.pattern}
              </th>
              {COLUMNS.map(([label, field]) => (
                <td key={label} className="py-1 ps-3 text-end">
                  {price[field]}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
