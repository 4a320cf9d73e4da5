/** How an agent's part ended, from what was seen: its answer, its death, or our own decision to stop it. */
import { assertNever } from "@samovar/base";
import type { Failure, SessionOutcome } from "@samovar/contracts";
import type { AgentExit } from "./agent-process.ts";

/** Why the host stopped the agent. */
export type StopReason =
  | { readonly kind: "cancelled"; readonly reason: string }
  | { readonly kind: "silent"; readonly afterMs: number }
  | { readonly kind: "too_long"; readonly afterMs: number }
  | { readonly kind: "host_stopped" };

/** How an agent was lost within its turn: its process ended, or lives on without its session. */
export type Death =
  | { readonly kind: "exit"; readonly exit: AgentExit }
  | { readonly kind: "session_lost"; readonly words: string };

/** What became of the turn. */
export type TurnResult =
  | { readonly kind: "answered"; readonly stopReason: string }
  | { readonly kind: "refused"; readonly code: number; readonly message: string }
  /** `remark`: what else is to be told of it; null for nothing. */
  | { readonly kind: "died"; readonly how: Death; readonly lastWords: string; readonly remark: string | null }
  /** It never came to a turn. */
  | { readonly kind: "unready"; readonly failure: Failure };

export interface TurnEnd {
  readonly outcome: SessionOutcome;
  readonly stopReason: string | null;
  readonly failure: Failure | null;
}

const AUTH_REQUIRED = -32000;
const MESSAGE_MAX_CHARS = 4000;

/** A stop that the host decided on is the outcome, however the agent took it. */
export function turnEnd(result: TurnResult, stop: StopReason | null): TurnEnd {
  const stopReason = result.kind === "answered" ? result.stopReason : null;
  if (stop !== null) return { ...stopped(stop), stopReason };
  switch (result.kind) {
    case "answered":
      return { ...answered(result.stopReason), stopReason };
    case "refused":
      return failed("error", result.code === AUTH_REQUIRED ? "agent_auth_required" : "agent_error", result.message);
    case "died":
      return failed("crashed", isUnstartable(result) ? "agent_start_failed" : "agent_crashed", storyOf(result));
    case "unready":
      return failed("error", result.failure.code, result.failure.message);
    default:
      return assertNever(result, "turn result");
  }
}

function stopped(stop: StopReason): Omit<TurnEnd, "stopReason"> {
  switch (stop.kind) {
    case "cancelled":
      return failed("cancelled", "cancelled", stop.reason === "" ? "The session was cancelled." : stop.reason);
    case "silent":
      return failed(
        "timeout",
        "agent_silent",
        `The agent said nothing for ${stop.afterMs / 1000} s while no tool was running.`,
      );
    case "too_long":
      return failed(
        "timeout",
        "session_too_long",
        `The session took longer than its limit of ${stop.afterMs / 1000} s.`,
      );
    case "host_stopped":
      return failed("crashed", "host_stopped", "The session's process was told to stop while the agent worked.");
    default:
      return assertNever(stop, "stop");
  }
}

function answered(stopReason: string): Omit<TurnEnd, "stopReason"> {
  switch (stopReason) {
    case "end_turn":
      return { outcome: "clean", failure: null };
    case "cancelled":
      return failed("cancelled", "agent_cancelled", "The agent cancelled its turn.");
    case "max_tokens":
      return failed("error", "agent_max_tokens", "The agent reached the model's limit of tokens before it was done.");
    case "max_turn_requests":
      return failed("error", "agent_max_requests", "The agent reached its limit of model requests before it was done.");
    case "refusal":
      return failed("error", "agent_refused", "The agent refused to go on.");
    default:
      return failed("error", "agent_stopped", `The agent stopped: ${stopReason}`);
  }
}

type Died = Extract<TurnResult, { kind: "died" }>;

const isUnstartable = ({ how }: Died): boolean => how.kind === "exit" && how.exit.error !== null;

function storyOf(died: Died): string {
  const { how, last } = deathWords(died);
  return `${how}${died.remark === null ? "" : ` ${died.remark}`}${last}`;
}

/** A sentence about how the agent was lost, and its last words, if any, to be put after it. */
export function deathWords({ how, lastWords }: Died): { readonly how: string; readonly last: string } {
  const last = lastWords === "" ? "" : ` Its last words: ${lastWords}`;
  if (how.kind === "session_lost") return { how: `The agent lost its session within its turn: ${how.words}`, last };
  const { error, signal, code } = how.exit;
  if (error !== null) return { how: `The agent could not be started: ${error}`, last: "" };
  return {
    how: `The agent ended ${signal === null ? `with exit code ${code}` : `by signal ${signal}`} within its turn.`,
    last,
  };
}

function failed(outcome: SessionOutcome, code: string, message: string): TurnEnd {
  return { outcome, stopReason: null, failure: { code, message: message.slice(0, MESSAGE_MAX_CHARS) } };
}
