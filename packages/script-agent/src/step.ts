/** The steps that a script may hold, and what a prompt turns out to be. */

export type Step =
  | {
      readonly kind: "sh";
      readonly command: string;
      readonly timeoutMs: number | null;
      /** What a failing command does to the rest of the script. */
      readonly onFailure: "stop" | "continue";
      /** Ask the client for permission first. */
      readonly ask: boolean;
    }
  /** A command that the turn does not wait for; it may outlive the turn's answer. */
  | { readonly kind: "background"; readonly command: string }
  | { readonly kind: "write"; readonly path: string; readonly text: string }
  | { readonly kind: "say"; readonly text: string }
  | { readonly kind: "think"; readonly text: string }
  | { readonly kind: "plan"; readonly entries: readonly PlannedEntry[] }
  | { readonly kind: "wait"; readonly durationMs: number }
  | { readonly kind: "stream"; readonly words: number; readonly everyMs: number }
  | { readonly kind: "fail"; readonly reason: string }
  /** `once`: taken up again, the script goes on after it; otherwise it crashes again. */
  | { readonly kind: "crash"; readonly reason: string; readonly once: boolean }
  | { readonly kind: "hang" };

export type StepKind = Step["kind"];

export interface PlannedEntry {
  readonly content: string;
  readonly done: boolean;
}

/** What is wrong with a block; `line` counts from 1 in the prompt. */
export interface ScriptFault {
  readonly line: number;
  readonly message: string;
}

export type Script =
  | { readonly kind: "steps"; readonly steps: readonly Step[] }
  /** The prompt holds no step. */
  | { readonly kind: "none" }
  /** At least one block is wrong; nothing of it should run. */
  | { readonly kind: "malformed"; readonly faults: readonly ScriptFault[] };

export const SCRIPT_LIMITS = {
  steps: 1_000,
  waitMs: 3_600_000,
  streamWords: 100_000,
} as const;
