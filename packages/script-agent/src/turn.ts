/** One turn: runs the steps in order, reports each as it happens, ticks the plan, and closes with a sentence. */
import { assertNever } from "@samovar/base";
import { fillerText } from "./filler.ts";
import { pause } from "./pause.ts";
import type { Plan } from "./plan.ts";
import { advancePlan, planView, startPlan, stepsOfPlan } from "./plan.ts";
import type { Progress } from "./memory.ts";
import type { Step } from "./step.ts";
import type { ToolDeps, ToolOutcome } from "./tools.ts";
import { runCommand, runWrite, startBackground } from "./tools.ts";

export type TurnEnd =
  | { readonly kind: "ended" }
  | { readonly kind: "cancelled" }
  | { readonly kind: "failed"; readonly reason: string }
  | { readonly kind: "crashed"; readonly reason: string };

type StepEnd = ToolOutcome | (Extract<TurnEnd, { kind: "failed" | "crashed" }> & { readonly fatal: true });

export interface TurnDeps extends ToolDeps {
  /** Where an earlier process of this agent left off. */
  readonly from: Pick<Progress, "done" | "failures">;
  keep(progress: Pick<Progress, "done" | "failures">): void;
}

export async function runTurn(steps: readonly Step[], deps: TurnDeps): Promise<TurnEnd> {
  let plan: { state: Plan; following: readonly Step[] } | null = null;
  const failures = [...deps.from.failures];
  for (const [index, step] of steps.entries()) {
    const isOver = index < deps.from.done;
    if (deps.signal.aborted) return { kind: "cancelled" };
    if (step.kind === "plan") {
      const following = stepsOfPlan(steps, index);
      plan = { state: startPlan(step.entries, following), following };
      if (!isOver) await deps.voice.plan(planView(plan.state));
      continue;
    }
    if (isOver) {
      if (plan !== null) plan = { ...plan, state: advancePlan(plan.state, step, plan.following) };
      continue;
    }
    deps.keep({ done: step.kind === "crash" && step.once ? index + 1 : index, failures });
    const end = await runStep(step, deps);
    if ("fatal" in end) return end;
    if (end.kind === "cancelled") return end;
    if (end.kind === "failed") {
      const sentence = `Step ${index + 1} ${end.how}`;
      if (!(step.kind === "sh" && step.onFailure === "continue"))
        return closeEarly(sentence, steps.length - index - 1, deps);
      failures.push(sentence);
    }
    if (plan !== null) plan = { ...plan, state: await tick(plan.state, step, plan.following, deps) };
  }
  await deps.voice.say(closing(steps.length, failures));
  return { kind: "ended" };
}

async function runStep(step: Exclude<Step, { kind: "plan" }>, deps: ToolDeps): Promise<StepEnd> {
  switch (step.kind) {
    case "sh":
      return runCommand(step, deps);
    case "background":
      return startBackground(step, deps);
    case "write":
      return runWrite(step, deps);
    case "say":
      await deps.voice.say(step.text);
      return { kind: "done" };
    case "think":
      await deps.voice.think(step.text);
      return { kind: "done" };
    case "wait":
      return wait(step.durationMs, deps);
    case "stream":
      return stream(step.words, step.everyMs, deps);
    case "fail":
      return { kind: "failed", reason: step.reason, fatal: true };
    case "crash":
      return { kind: "crashed", reason: step.reason, fatal: true };
    case "hang":
      return wait(null, deps);
    default:
      return assertNever(step);
  }
}

async function wait(durationMs: number | null, deps: ToolDeps): Promise<ToolOutcome> {
  await pause(durationMs, deps);
  return deps.signal.aborted ? { kind: "cancelled" } : { kind: "done" };
}

async function stream(words: number, everyMs: number, deps: ToolDeps): Promise<ToolOutcome> {
  const between = async () => {
    if (everyMs > 0) await pause(everyMs, deps);
    return !deps.signal.aborted;
  };
  await deps.voice.say(fillerText(words), { between });
  return deps.signal.aborted ? { kind: "cancelled" } : { kind: "done" };
}

async function tick(plan: Plan, step: Step, following: readonly Step[], deps: ToolDeps): Promise<Plan> {
  const next = advancePlan(plan, step, following);
  const before = JSON.stringify(planView(plan));
  const after = planView(next);
  if (JSON.stringify(after) !== before) await deps.voice.plan(after);
  return next;
}

/** A chore of which a step failed has failed, and says so to whoever waits for its outcome. */
async function closeEarly(sentence: string, left: number, deps: ToolDeps): Promise<TurnEnd> {
  const rest = left === 0 ? "" : ` The ${left === 1 ? "step" : `${left} steps`} after it did not run.`;
  await deps.voice.say(`${sentence}.${rest}`);
  return { kind: "failed", reason: sentence };
}

function closing(count: number, failures: readonly string[]): string {
  const ran = `Ran ${count} ${count === 1 ? "step" : "steps"}`;
  if (failures.length === 0) return count === 1 ? `${ran}; it succeeded.` : `${ran}; all succeeded.`;
  return `${ran}. ${failures.join(". ")}. The script allowed it to continue.`;
}
