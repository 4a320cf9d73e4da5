/** What a project's models cost, and its limits. */
import type { ProjectId } from "@samovar/base";
import type { ProjectBudgetView } from "@samovar/contracts";
import { isLimited } from "@samovar/domain/budget";
import { formatLimit } from "@samovar/domain/spending-text";
import { useQuery } from "@tanstack/react-query";
import { projectBudgetQuery, putProjectBudget } from "../../api/budget.ts";
import { projectBudgetKey } from "../../api/query-keys.ts";
import { Skeleton } from "../../ui/skeleton.tsx";
import { ErrorPanel } from "../errors/error-panel.tsx";
import { LimitsForm } from "./limits-form.tsx";
import { Sums } from "./sums.tsx";

export function ProjectBudget({ project }: { readonly project: ProjectId }) {
  const budget = useQuery(projectBudgetQuery(project));
  return (
    <section aria-label="Budget" className="flex flex-col gap-4 border-t border-hairline pt-5">
      <h2 className="text-title font-semibold">Budget</h2>
      {budget.isPending && <Skeleton label="Loading the budget" lines={[100, 60]} />}
      {budget.isError && budget.data === undefined && (
        <ErrorPanel what="Couldn't load the budget." error={budget.error} onRetry={() => void budget.refetch()} />
      )}
      {budget.data !== undefined && <Loaded project={project} budget={budget.data} />}
    </section>
  );
}

function Loaded({ project, budget }: { readonly project: ProjectId; readonly budget: ProjectBudgetView }) {
  const { limits, installation, today, month } = budget;
  return (
    <>
      <Sums today={today} month={month} limit={limits.day} />
      <p className="text-small text-ink-2">
        A task that reaches a limit is stopped, and can be retried once the limit is raised. Days are in UTC.
        {isLimited(installation.day) && ` All projects together may spend ${formatLimit(installation.day)} a day.`}
      </p>
      <LimitsForm
        label="Project limits"
        limits={limits}
        inherited={isLimited(installation.task) ? "As in Settings" : "No limit"}
        save={({ task, day }) => putProjectBudget(project, { task: isLimited(task) ? task : null, day })}
        queryKey={projectBudgetKey(project)}
      />
    </>
  );
}
