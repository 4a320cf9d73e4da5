/** Recovers a session whose previous host was killed. The agent is never started twice. Keeps M1, T1 [R5]. */
import type { Clock, Logger } from "@samovar/base";
import type { HostEnd, HostLaunch } from "@samovar/contracts";
import { isInterrupted } from "@samovar/domain/assembler";
import { summarise } from "@samovar/domain/summary";
import type { OutboxStore, SessionRecord } from "@samovar/outbox";
import { reapSession } from "./reap.ts";
import type { Recorder } from "./recorder.ts";

export interface RecoveryPorts {
  readonly launch: HostLaunch;
  readonly store: OutboxStore;
  readonly record: SessionRecord;
  readonly clock: Clock;
  readonly log: Logger;
}

const MESSAGE = "The session host was killed while the agent worked. The messages until then are kept.";

/** Kills the old host's leftover processes and completes its transcript: messages in flight are marked as interrupted. */
export async function recover({ launch, store, record, log }: RecoveryPorts, recorder: Recorder): Promise<HostEnd> {
  const { agentPid, current } = record.life();
  const killed = reapSession(launch.mark);
  const unfinished = store.unfinished();
  log.warn("session.recovered", { agentPid, killed, unfinished: unfinished.length });
  const closed = unfinished.map((message) => ({
    ...message,
    final: true,
    interrupted: isInterrupted(message, current),
  }));
  const lastText = closed.findLast((message) => message.kind === "text")?.content ?? "";
  const end: HostEnd = {
    outcome: "crashed",
    stopReason: null,
    failure: { code: "host_lost", message: MESSAGE },
    summary: summarise(lastText),
    usage: null,
    restarts: 0,
  };
  await recorder.append(closed);
  await recorder.notice("recovered", MESSAGE);
  await recorder.append([], () => record.ended(end));
  return end;
}
