/** The output of something that runs before the agent, as one growing tool call in the transcript. Keeps M1, S1. */
import type { Timers } from "@samovar/base";
import type { HeldText } from "@samovar/domain/secret-redactor";
import { NOTHING_HELD } from "@samovar/domain/secret-redactor";
import type { BoundedOutput } from "@samovar/script-agent/bounded-output";
import { boundedOutput } from "@samovar/script-agent/bounded-output";
import type { Recorder } from "./recorder.ts";

const KEPT_CHARS = 32_000;
const SHOW_EVERY_MS = 500;
const LAST_LINES = 20;
const LAST_LINES_CHARS = 2_000;

export interface OutputPorts {
  readonly recorder: Recorder;
  readonly timers: Timers;
}

export interface OutputEnd {
  /** Why it failed; null when it succeeded. */
  readonly reason: string | null;
  /** Whether the reason is appended to the output. */
  readonly isReasonShown: boolean;
  readonly exitCode: number | null;
}

export class GrowingOutput {
  readonly #ports: OutputPorts;
  readonly #id: string;
  /** Redacted before it is cut. */
  readonly #output: BoundedOutput = boundedOutput(KEPT_CHARS, KEPT_CHARS);
  #held: HeldText = NOTHING_HELD;
  #cancelShow: (() => void) | null = null;
  #over = false;

  /** `title`: for people, and the tool call's id, so that it occurs once in a session. */
  constructor(title: string, ports: OutputPorts) {
    this.#ports = ports;
    this.#id = title;
    this.#record({ sessionUpdate: "tool_call", name: "setup", kind: "execute", title, status: "in_progress" });
  }

  append(text: string): void {
    const { text: shown, held } = this.#ports.recorder.redactChunk(this.#held, text);
    this.#held = held;
    this.#output.append(shown);
    if (this.#cancelShow !== null) return;
    this.#show();
    this.#cancelShow = this.#ports.timers.after(SHOW_EVERY_MS, () => {
      this.#cancelShow = null;
      if (!this.#over) this.#show();
    });
  }

  finish({ reason, isReasonShown, exitCode }: OutputEnd): Promise<void> {
    this.#over = true;
    this.#cancelShow?.();
    this.#output.append(this.#ports.recorder.redactRest(this.#held));
    this.#held = NOTHING_HELD;
    const remark = isReasonShown && reason !== null ? [`[${reason}]`] : [];
    const text = [this.#output.text().replace(/\n$/, ""), ...remark].filter((part) => part !== "").join("\n");
    this.#record({
      sessionUpdate: "tool_call_update",
      status: reason === null ? "completed" : "failed",
      content: createTextContent(text === "" ? "(no output)\n" : `${text}\n`),
      rawOutput: { exitCode },
    });
    return this.#ports.recorder.commit();
  }

  /** For a failure's message; empty without output. */
  getLastLines(): string {
    const output = this.#output.text().trimEnd();
    const lines = output.split("\n").slice(-LAST_LINES).join("\n").slice(-LAST_LINES_CHARS).trim();
    return lines === "" ? "" : ` Its last lines:\n${lines}`;
  }

  #show(): void {
    this.#record({ sessionUpdate: "tool_call_update", content: createTextContent(this.#output.text()) });
  }

  #record(update: object): void {
    this.#ports.recorder.update({ toolCallId: this.#id, ...update });
    void this.#ports.recorder.commit();
  }
}

const createTextContent = (text: string) => [{ type: "content", content: { type: "text", text } }];
