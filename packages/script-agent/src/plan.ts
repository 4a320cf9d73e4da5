/** Which entries of a plan are done while the script goes on. Pure. */
import type { PlanEntry } from "@agentclientprotocol/sdk";
import type { PlannedEntry, Step } from "./step.ts";

export interface Plan {
  readonly entries: readonly PlannedEntry[];
  /** Steps that tick entries, and how many of them are finished. */
  readonly work: number;
  readonly finished: number;
}

/**
 * `following`: the steps after the plan, up to the next one. Its entries are spread evenly over the commands and
 * files among them, or over all of them when there are none.
 */
export function startPlan(entries: readonly PlannedEntry[], following: readonly Step[]): Plan {
  const tools = following.filter(isTool).length;
  return { entries, work: tools === 0 ? following.length : tools, finished: 0 };
}

export function advancePlan(plan: Plan, step: Step, following: readonly Step[]): Plan {
  const counts = isTool(step) || !following.some(isTool);
  return counts ? { ...plan, finished: Math.min(plan.work, plan.finished + 1) } : plan;
}

/** All entries with their present status; the first open one is under way. */
export function planView(plan: Plan): PlanEntry[] {
  const open = plan.entries.filter((entry) => !entry.done).length;
  let toTick = plan.work === 0 ? open : Math.floor((plan.finished * open) / plan.work);
  let underWay = false;
  return plan.entries.map((entry) => {
    if (entry.done || toTick-- > 0) return { content: entry.content, priority: "medium", status: "completed" };
    const status = underWay ? "pending" : "in_progress";
    underWay = true;
    return { content: entry.content, priority: "medium", status };
  });
}

/** The steps that a plan at `index` is about. */
export function stepsOfPlan(steps: readonly Step[], index: number): readonly Step[] {
  const rest = steps.slice(index + 1);
  const next = rest.findIndex((step) => step.kind === "plan");
  return next === -1 ? rest : rest.slice(0, next);
}

function isTool(step: Step): boolean {
  return step.kind === "sh" || step.kind === "write";
}
