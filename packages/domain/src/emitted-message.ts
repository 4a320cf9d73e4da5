import type { Millis } from "@samovar/base";
import type { FinishedMessage } from "./transcript-digest.ts";

/** A message as the agent has emitted it so far; its id stays the same while it grows. */
export interface EmittedMessage extends FinishedMessage {
  readonly final: boolean;
  readonly createdAt: Millis;
}
