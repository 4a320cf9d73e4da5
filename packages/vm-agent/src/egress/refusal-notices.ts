/** Shows refused connections in the transcript: one notice for each host and port, and a limited number of them. */
import type { EgressRefusal, EgressTarget } from "@samovar/domain/egress";
import { describeRefusal, formatTarget, isNegotiable } from "@samovar/domain/egress";
import type { Recorder } from "../session-host/recorder.ts";

const MAX_NOTICES = 50;
const MORE = `More connections were refused. A session shows at most ${MAX_NOTICES} of them.`;
/** Of `toolMetadata`. */
const CALL_ID_MAX_CHARS = 200;

export class RefusalNotices {
  readonly #recorder: Pick<Recorder, "notice" | "redact">;
  readonly #shown = new Set<string>();

  constructor(recorder: Pick<Recorder, "notice" | "redact">) {
    this.#recorder = recorder;
  }

  /** Hosts are ASCII without control characters; see {@link EgressTarget}. */
  add(target: EgressTarget, reason: EgressRefusal): void {
    const name = formatTarget(target);
    if (this.#shown.has(name) || this.#shown.size > MAX_NOTICES) return;
    this.#shown.add(name);
    if (this.#shown.size > MAX_NOTICES) return void this.#recorder.notice("egress:more", MORE);
    // A program chooses the host, which may have a secret in it.
    const host = this.#recorder.redact(target.host);
    const shown = formatTarget({ host, port: target.port });
    const metadata = {
      toolCallId: `egress:${shown}`.slice(0, CALL_ID_MAX_CHARS),
      tool: "egress",
      title: "Connection refused",
      target: shown,
      status: "error",
    } as const;
    // Where no change of the project could allow it, there is nothing to offer.
    const text = describeRefusal({ ...target, host }, reason);
    void this.#recorder.notice(`egress:${name}`, text, isNegotiable(reason) ? metadata : null);
  }
}
