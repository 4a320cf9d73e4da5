/** The outcome of an agent's turn: from its answer, its loss, or the host's decision to stop it. */
import { assertNever } from "@samovar/base";
import type { Failure, SessionOutcome } from "@samovar/contracts";
import { createLimitFailure, type LimitReached } from "../limits/limits.ts";
import { toBudgetFailure } from "@samovar/domain/budget";
import type { ReachedLimit } from "@samovar/domain/budget";
import type { ProgramExit } from "../runtime/runtime.ts";

/** Why the host stopped the agent. */
export type StopReason =
  | { readonly kind: "cancelled"; readonly reason: string }
  | { readonly kind: "silent"; readonly afterMs: number }
  | { readonly kind: "too_long"; readonly afterMs: number }
  | { readonly kind: "limit_reached"; readonly reached: LimitReached }
  | { readonly kind: "over_budget"; readonly reached: ReachedLimit }
  | { readonly kind: "host_stopped" };

/** How an agent was lost during its turn: its process exited, or lost its session. */
export type AgentLoss =
  | { readonly kind: "exit"; readonly exit: ProgramExit }
  | { readonly kind: "session_lost"; readonly message: string };

/** How the turn ended. */
export type TurnResult =
  | { readonly kind: "answered"; readonly stopReason: string }
  | { readonly kind: "refused"; readonly code: number; readonly message: string }
  /** `remark`: an additional sentence for the failure, or null. */
  | { readonly kind: "lost"; readonly loss: AgentLoss; readonly stderrTail: string; readonly remark: string | null }
  /** The agent did not get to its turn. */
  | { readonly kind: "unready"; readonly failure: Failure };

export interface TurnEnd {
  readonly outcome: SessionOutcome;
  readonly stopReason: string | null;
  readonly failure: Failure | null;
}

const AUTH_REQUIRED = -32000;
const MESSAGE_MAX_CHARS = 4000;

/** If the host stopped the agent, that is the outcome, whatever the agent answered. */
export function getTurnEnd(result: TurnResult, stop: StopReason | null): TurnEnd {
  const stopReason = result.kind === "answered" ? result.stopReason : null;
  if (stop !== null) return { ...describeStop(stop), stopReason };
  switch (result.kind) {
    case "answered":
      return { ...describeAnswer(result.stopReason), stopReason };
    case "refused":
      return createTurnEnd(
        "error",
        result.code === AUTH_REQUIRED ? "agent_auth_required" : "agent_error",
        result.message,
      );
    case "lost":
      return createTurnEnd(
        "crashed",
        isUnstartable(result) ? "agent_start_failed" : "agent_crashed",
        formatLoss(result),
      );
    case "unready":
      return createTurnEnd("error", result.failure.code, result.failure.message);
    default:
      return assertNever(result, "turn result");
  }
}

function describeStop(stop: StopReason): Omit<TurnEnd, "stopReason"> {
  switch (stop.kind) {
    case "cancelled":
      return createTurnEnd("cancelled", "cancelled", stop.reason === "" ? "The session was cancelled." : stop.reason);
    case "silent":
      return createTurnEnd(
        "timeout",
        "agent_silent",
        `The agent sent nothing for ${stop.afterMs / 1000} s while no tool was running.`,
      );
    case "too_long":
      return createTurnEnd(
        "timeout",
        "session_too_long",
        `The session took longer than its limit of ${stop.afterMs / 1000} s.`,
      );
    case "limit_reached": {
      const { code, message } = createLimitFailure(stop.reached);
      return createTurnEnd("error", code, message);
    }
    case "over_budget":
      return { outcome: "error", failure: toBudgetFailure(stop.reached) };
    case "host_stopped":
      return createTurnEnd("crashed", "host_stopped", "The session host was stopped while the agent worked.");
    default:
      return assertNever(stop, "stop");
  }
}

function describeAnswer(stopReason: string): Omit<TurnEnd, "stopReason"> {
  switch (stopReason) {
    case "end_turn":
      return { outcome: "clean", failure: null };
    case "cancelled":
      return createTurnEnd("cancelled", "agent_cancelled", "The agent cancelled its turn.");
    case "max_tokens":
      return createTurnEnd(
        "error",
        "agent_max_tokens",
        "The agent reached the model's token limit before it was done.",
      );
    case "max_turn_requests":
      return createTurnEnd(
        "error",
        "agent_max_requests",
        "The agent reached its limit of model requests before it was done.",
      );
    case "refusal":
      return createTurnEnd("error", "agent_refused", "The agent refused to continue.");
    default:
      return createTurnEnd("error", "agent_stopped", `The agent stopped: ${stopReason}`);
  }
}

type LostTurn = Extract<TurnResult, { kind: "lost" }>;

const isUnstartable = ({ loss }: LostTurn): boolean => loss.kind === "exit" && loss.exit.error !== null;

function formatLoss(lost: LostTurn): string {
  const { cause, tail } = describeLoss(lost);
  return `${cause}${lost.remark === null ? "" : ` ${lost.remark}`}${tail}`;
}

/** A sentence about how the agent was lost, and the tail of its stderr, if any, to be appended to it. */
export function describeLoss({ loss, stderrTail }: LostTurn): { readonly cause: string; readonly tail: string } {
  const tail = stderrTail === "" ? "" : ` Its last output: ${stderrTail}`;
  if (loss.kind === "session_lost")
    return { cause: `The agent lost its session during its turn: ${loss.message}`, tail };
  const { error, signal, code } = loss.exit;
  if (error !== null) return { cause: `The agent could not be started: ${error}`, tail: "" };
  return {
    cause: `The agent exited ${signal === null ? `with exit code ${code}` : `by signal ${signal}`} during its turn.`,
    tail,
  };
}

function createTurnEnd(outcome: SessionOutcome, code: string, message: string): TurnEnd {
  return { outcome, stopReason: null, failure: { code, message: message.slice(0, MESSAGE_MAX_CHARS) } };
}
