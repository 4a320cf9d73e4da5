/** What an ended run cost and how it went: durations of its steps, the model's use, how the agent ended. */
import type { ModelUsage, RunStep, TaskOutput, TaskSpending, Usage } from "@samovar/contracts";
import { RUN_STEPS } from "@samovar/contracts";
import { formatSpent } from "@samovar/domain/spending-text";
import { formatMoney } from "../../lib/format-price.ts";
import { visibleText } from "../../lib/visible-text.ts";
import { formatDuration } from "../../lib/format-time.ts";

const STEP_WORDS: Readonly<Record<RunStep, string>> = {
  wait: "waiting",
  choose: "node",
  prepare: "workspace",
  start: "agent",
  work: "work",
  finish: "finish",
};

/** ACP's words for how a turn ended; the usual end needs none. */
const STOP_WORDS: Readonly<Record<string, string>> = {
  end_turn: "",
  max_tokens: "at the model's token limit",
  max_turn_requests: "at the limit of model requests",
  refusal: "with a refusal by the model",
  cancelled: "when it was cancelled",
};

const tokens = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

interface RunFactsProps {
  readonly output: TaskOutput;
  /** As counted by the gateway: it wins over what the agent reports. */
  readonly spending?: TaskSpending | null;
}

export function RunFacts({ output, spending = null }: RunFactsProps) {
  const facts = [
    ["Time", formatStepTimes(output)],
    ...(spending !== null && spending.models.length > 0
      ? formatModels(spending)
      : [["Model", output.usage === null ? "" : formatUsage(output.usage)] as const]),
    ["Ended", output.stopReason === null ? "" : (STOP_WORDS[output.stopReason] ?? output.stopReason)],
    ["Restarted", output.restarts === 0 ? "" : `${output.restarts} ${output.restarts === 1 ? "time" : "times"}`],
    ["Note", formatRedactions(output)],
  ].filter(([, words]) => words !== "");
  if (facts.length === 0) return null;
  return (
    <dl className="grid grid-cols-[auto_1fr] gap-x-3 gap-y-0.5 text-small text-ink-2 tabular-nums">
      {facts.map(([name, words]) => (
        <div key={name} className="contents">
          <dt className="text-ink-3">{name}</dt>
          <dd className="wrap-anywhere">{words}</dd>
        </div>
      ))}
    </dl>
  );
}

const formatStepTimes = ({ durations }: TaskOutput): string =>
  RUN_STEPS.flatMap((step) => {
    const ms = durations[step];
    return ms === undefined ? [] : [`${STEP_WORDS[step]} ${formatDuration(ms)}`];
  }).join(" · ");

const formatRedactions = ({ redactions = 0 }: TaskOutput): string =>
  redactions === 0
    ? ""
    : `${redactions} ${redactions === 1 ? "secret was" : "secrets were"} redacted from the transcript`;

/** A line for each model, and the cost of all of them. */
const formatModels = (spending: TaskSpending): (readonly [string, string])[] => [
  ...spending.models.map((model) => [visibleText(model.model), formatModel(model)] as const),
  ["Cost", formatSpent(spending)],
];

function formatModel({ inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens }: ModelUsage): string {
  const parts = [
    `${tokens.format(inputTokens)} tokens in`,
    cacheReadTokens === 0 ? null : `${tokens.format(cacheReadTokens)} read from the cache`,
    cacheWriteTokens === 0 ? null : `${tokens.format(cacheWriteTokens)} written to it`,
    `${tokens.format(outputTokens)} out`,
  ];
  return parts.filter((part) => part !== null).join(" · ");
}

function formatUsage({ inputTokens, outputTokens, cachedTokens, cost }: Usage): string {
  const parts = [
    inputTokens === undefined ? null : `${tokens.format(inputTokens)} tokens in`,
    cachedTokens === undefined || cachedTokens === 0 ? null : `${tokens.format(cachedTokens)} of them cached`,
    outputTokens === undefined ? null : `${tokens.format(outputTokens)} out`,
    cost === undefined ? null : formatMoney(cost.amount, cost.currency),
  ];
  return parts.filter((part) => part !== null).join(" · ");
}
