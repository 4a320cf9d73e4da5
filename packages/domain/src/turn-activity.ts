/**
 * Whether an agent is still at work after it answered the prompt: background commands, subagents and follow-ups may
 * outlive the answer. Decides from the agent's own reports. Pure. Keeps T1.
 *
 *   working       tool calls run, the agent lists background tasks, or it reports that it is busy
 *   grace         for a short time after the answer, after a late update, and after background work has ended,
 *                 because an agent reacts to the results of its background work
 */
import type { Millis } from "@samovar/base";
import type { RepositorySettings } from "@samovar/contracts";
import { toFields } from "./acp-update.ts";

export interface TurnActivity {
  /** Background tasks that the agent lists. */
  readonly tasks: number;
  /** Whether the agent reports that it is busy; null for one that does not report it. */
  readonly busy: boolean | null;
  readonly answeredAt: Millis | null;
  /** The last text, plan or tool update after the answer. */
  readonly updatedAt: Millis | null;
  /** When its last background task ended; null once the agent has reacted. */
  readonly tasksEndedAt: Millis | null;
}

export type WorkState =
  | { readonly kind: "working" }
  | { readonly kind: "grace"; readonly until: Millis }
  | { readonly kind: "over" };

export const initialActivity: TurnActivity = {
  tasks: 0,
  busy: null,
  answeredAt: null,
  updatedAt: null,
  tasksEndedAt: null,
};

/** For an unannounced update. */
export const ANSWER_GRACE_MS = 100;
/** For what follows a late update or the end of background work. */
export const FOLLOW_UP_GRACE_MS = 2_000;

/**
 * For Claude's adapter: forward messages about background tasks, suggest no prompts, and read the repository's settings, which
 * can start programs, and its list of MCP servers only where the project allows it.
 */
export const createSessionMeta = (settings: RepositorySettings = "ignored") => ({
  claudeCode: {
    emitRawSDKMessages: [
      { type: "system", subtype: "background_tasks_changed" },
      { type: "system", subtype: "session_state_changed" },
    ],
    options: {
      promptSuggestions: false,
      settingSources: settings === "used" ? ["user", "project"] : ["user"],
      strictMcpConfig: settings !== "used",
    },
  },
});

export const recordAnswer = (state: TurnActivity, now: Millis): TurnActivity => ({ ...state, answeredAt: now });

/** Records a notification other than `session/update`; only Claude's own matter. */
export function recordNotification(state: TurnActivity, method: string, params: unknown, now: Millis): TurnActivity {
  const message = method === "_claude/sdkMessage" ? toFields(toFields(params)["message"]) : {};
  switch (message["subtype"]) {
    case "background_tasks_changed":
      return tasksChanged(state, message["tasks"], now);
    case "session_state_changed": {
      const busy = message["state"] !== "idle";
      return { ...state, busy, tasksEndedAt: busy ? null : state.tasksEndedAt };
    }
    default:
      return state;
  }
}

/** Records an update. `kind`: of the parsed update. Usage and housekeeping are no sign of work. */
export function recordUpdate(state: TurnActivity, kind: string, now: Millis): TurnActivity {
  const isWork = kind === "chunk" || kind === "tool" || kind === "plan";
  return state.answeredAt === null || !isWork ? state : { ...state, updatedAt: now };
}

/** Call it after the answer. `runningTools`: tool calls that were reported as running and not as ended. */
export function getWorkState(state: TurnActivity, runningTools: number, now: Millis): WorkState {
  if (runningTools > 0 || state.tasks > 0 || state.busy === true) return { kind: "working" };
  const updateGraceMs = state.busy === null ? FOLLOW_UP_GRACE_MS : ANSWER_GRACE_MS;
  const until = Math.max(
    (state.answeredAt ?? now) + ANSWER_GRACE_MS,
    state.updatedAt === null ? 0 : state.updatedAt + updateGraceMs,
    state.tasksEndedAt === null ? 0 : state.tasksEndedAt + FOLLOW_UP_GRACE_MS,
  );
  return now >= until ? { kind: "over" } : { kind: "grace", until };
}

function tasksChanged(state: TurnActivity, tasksField: unknown, now: Millis): TurnActivity {
  const listed = Array.isArray(tasksField) ? tasksField.map(toFields) : [];
  const tasks = listed.filter((task) => task["ambient"] !== true).length;
  return { ...state, tasks, tasksEndedAt: state.tasks > 0 && tasks === 0 ? now : state.tasksEndedAt };
}
