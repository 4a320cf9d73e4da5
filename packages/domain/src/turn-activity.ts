/**
 * An agent's answer to the prompt is not always its end: commands in the background, subagents and follow-ups may
 * outlive it. Decides from what the agent tells whether it is still at work. Pure. Keeps T1.
 *
 *   at work       tool calls that run, tasks that the agent lists, or its own word that it is busy
 *   quiet         for a short time after the answer, after a late update, and after work that has ended,
 *                 since an agent takes up what its background work brought
 */
import type { Millis } from "@samovar/base";
import { toFields } from "./acp-update.ts";

export interface TurnActivity {
  /** Background tasks that the agent lists. */
  readonly tasks: number;
  /** Whether the agent says that it is busy; null for one that does not say. */
  readonly busy: boolean | null;
  readonly answeredAt: Millis | null;
  /** The last words or tool news after the answer. */
  readonly updatedAt: Millis | null;
  /** When its last background task ended; null once it has taken that up. */
  readonly tasksEndedAt: Millis | null;
}

export type WorkState =
  | { readonly kind: "working" }
  | { readonly kind: "quiet"; readonly until: Millis }
  | { readonly kind: "over" };

export const initialActivity: TurnActivity = {
  tasks: 0,
  busy: null,
  answeredAt: null,
  updatedAt: null,
  tasksEndedAt: null,
};

/** For news that nobody announced. */
export const ANSWER_GRACE_MS = 100;
/** For what follows late news, or work that has ended. */
export const FOLLOW_UP_GRACE_MS = 2_000;

/** Asks Claude's adapter to pass on what it hears of background tasks, and not to guess the person's next prompt. */
export const BACKGROUND_META = {
  claudeCode: {
    emitRawSDKMessages: [
      { type: "system", subtype: "background_tasks_changed" },
      { type: "system", subtype: "session_state_changed" },
    ],
    options: { promptSuggestions: false },
  },
} as const;

export const recordAnswer = (state: TurnActivity, now: Millis): TurnActivity => ({ ...state, answeredAt: now });

/** A notification other than `session/update`; all but Claude's own are nothing to us. */
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

/** `kind`: of the update as it was read. Usage and housekeeping are no sign of work. */
export function recordUpdate(state: TurnActivity, kind: string, now: Millis): TurnActivity {
  const isNews = kind === "chunk" || kind === "tool" || kind === "plan";
  return state.answeredAt === null || !isNews ? state : { ...state, updatedAt: now };
}

/** Asked once the answer is there. `runningTools`: calls that were told to run and not to have ended. */
export function getWorkState(state: TurnActivity, runningTools: number, now: Millis): WorkState {
  if (runningTools > 0 || state.tasks > 0 || state.busy === true) return { kind: "working" };
  const saidQuietMs = state.busy === null ? FOLLOW_UP_GRACE_MS : ANSWER_GRACE_MS;
  const until = Math.max(
    (state.answeredAt ?? now) + ANSWER_GRACE_MS,
    state.updatedAt === null ? 0 : state.updatedAt + saidQuietMs,
    state.tasksEndedAt === null ? 0 : state.tasksEndedAt + FOLLOW_UP_GRACE_MS,
  );
  return now >= until ? { kind: "over" } : { kind: "quiet", until };
}

function tasksChanged(state: TurnActivity, told: unknown, now: Millis): TurnActivity {
  const listed = Array.isArray(told) ? told.map(toFields) : [];
  const tasks = listed.filter((task) => task["ambient"] !== true).length;
  return { ...state, tasks, tasksEndedAt: state.tasks > 0 && tasks === 0 ? now : state.tasksEndedAt };
}
