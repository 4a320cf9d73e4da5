/**
 * What the agent says, into the outbox, in order. When the outbox is full or the disk is, the agent is held back:
 * nothing is dropped unless the policy says so, and then it says how many. Keeps M1, M2 [R6][F33].
 */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import type { Clock, IdSource, Logger, MessageId, Timers } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { Usage } from "@samovar/contracts";
import { messageId } from "@samovar/contracts";
import type { Assembled, AssemblerPorts, AssemblerState } from "@samovar/domain/assembler";
import type { EmittedMessage } from "@samovar/domain/emitted-message";
import { assemble, emptyAssembler, finalizeMessages } from "@samovar/domain/assembler";
import type { RunningHash } from "@samovar/domain/growing-text";
import { headOfBytes, storable } from "@samovar/domain/text-limits";
import { addUsage } from "@samovar/domain/usage-tally";
import type { OutboxSettings, OutboxStore } from "@samovar/outbox";

export interface RecorderPorts {
  /** The checkout, absolute. */
  readonly cwd: string;
  readonly store: OutboxStore;
  readonly settings: Pick<OutboxSettings, "maxRows" | "fullPolicy">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: IdSource;
  readonly log: Logger;
  onCommitted(): void;
  /** Whether the agent must wait. */
  onHold(held: boolean): void;
}

const RETRY_MS = 1000;
const NOTICE_MAX_BYTES = 16 * 1024;
/** Held at `maxRows`, released when this part of it is left. */
const RELEASE_AT = 0.9;

export class Recorder {
  readonly #ports: RecorderPorts;
  readonly #assembler: AssemblerPorts;
  #state: AssemblerState = emptyAssembler;
  /** Not committed yet, in order of first appearance; growth of one message is folded. */
  readonly #waiting = new Map<MessageId, EmittedMessage>();
  #also: (() => void)[] = [];
  #committed: PromiseWithResolvers<void> | null = null;
  #held = false;
  #dropped = 0;

  constructor(ports: RecorderPorts) {
    this.#ports = ports;
    this.#assembler = {
      cwd: ports.cwd,
      messageId: () => ports.ids.messageId(),
      sha256,
      emptyHash: runningHash(createHash("sha256")),
    };
  }

  get state(): AssemblerState {
    return this.#state;
  }

  get held(): boolean {
    return this.#held;
  }

  /** `raw` is ACP's update. Taken with the next {@link commit}. */
  update(raw: unknown): void {
    this.#take(assemble(this.#state, raw, this.#ports.clock.now(), this.#assembler));
  }

  /** What the agent's model used, beside what its updates tell. */
  used(told: Usage): void {
    this.#state = { ...this.#state, usage: addUsage(this.#state.usage, told) };
  }

  /** Everything becomes final, in one transaction with `also`. Resolves when it is on disk. */
  finish(how: "ended" | "broken", also: () => void): Promise<void> {
    this.#take(finalizeMessages(this.#state, how, this.#assembler));
    this.#also.push(also);
    return this.commit();
  }

  /** Final messages from elsewhere, in one transaction with `also`. */
  append(messages: readonly EmittedMessage[], also: () => void = () => {}): Promise<void> {
    for (const message of messages) this.#waiting.set(message.messageId, message);
    this.#also.push(also);
    return this.commit();
  }

  /** A system message; once for each `key`. */
  notice(key: string, text: string): Promise<void> {
    const message = this.#noticeOf(key, text);
    return this.#isKnown(message) ? Promise.resolve() : this.append([message]);
  }

  /** The last message, if any, in one transaction with `also`. Repeatable: it is taken once. */
  close(notice: string | null, also: () => void): Promise<void> {
    const last = notice === null ? [] : [this.#noticeOf("close", notice)];
    return this.append(
      last.filter((message) => !this.#isKnown(message)),
      also,
    );
  }

  /** Writes what waits. Resolves when it is on disk, however long the disk refuses. */
  commit(): Promise<void> {
    if (this.#committed !== null) return this.#committed.promise;
    if (this.#waiting.size === 0 && this.#also.length === 0) return Promise.resolve();
    if (this.#write()) return Promise.resolve();
    this.#committed = Promise.withResolvers();
    this.#ports.timers.after(RETRY_MS, () => this.#retry());
    this.#hold();
    return this.#committed.promise;
  }

  /** Rows have left the outbox. */
  relieved(): void {
    const { store, settings } = this.#ports;
    const isFree = this.#committed === null && store.rows() < settings.maxRows * RELEASE_AT;
    if (!this.#held || !isFree) return;
    this.#held = false;
    this.#ports.onHold(false);
  }

  #isKnown({ messageId }: EmittedMessage): boolean {
    return this.#waiting.has(messageId) || this.#ports.store.has(messageId);
  }

  #take(assembled: Assembled): void {
    this.#state = assembled.state;
    for (const message of assembled.changes) this.#waiting.set(message.messageId, message);
  }

  #write(): boolean {
    const { store, log, onCommitted } = this.#ports;
    const also = this.#also;
    try {
      store.commit([...this.#waiting.values()], this.#state.current, () => {
        for (const work of also) work();
      });
    } catch (error) {
      log.error("outbox.commit_failed", { error: errorMessage(error), waiting: this.#waiting.size });
      return false;
    }
    this.#waiting.clear();
    this.#also = [];
    this.#keepWithin();
    onCommitted();
    return true;
  }

  #retry(): void {
    if (!this.#write()) {
      this.#ports.timers.after(RETRY_MS, () => this.#retry());
      return;
    }
    this.#committed?.resolve();
    this.#committed = null;
    this.relieved();
  }

  #keepWithin(): void {
    const { store, settings, log } = this.#ports;
    if (store.rows() < settings.maxRows) return;
    if (settings.fullPolicy === "pause") return this.#hold();
    const dropped = store.dropOldest(Math.floor(settings.maxRows * RELEASE_AT));
    if (dropped === 0) return this.#hold();
    this.#dropped += dropped;
    log.warn("outbox.dropped", { dropped, inAll: this.#dropped });
    const text = `${dropped} messages were dropped here, because the outbox was full (${settings.maxRows}) and the policy is to drop the oldest.`;
    store.commit([this.#noticeOf(`dropped-${this.#ports.ids.messageId()}`, text)], this.#state.current);
  }

  #hold(): void {
    if (this.#held) return;
    this.#held = true;
    this.#ports.log.warn("agent.held", { rows: this.#ports.store.rows() });
    this.#ports.onHold(true);
  }

  #noticeOf(key: string, text: string): EmittedMessage {
    return {
      messageId: keyedMessageId(this.#ports.store.sessionId, key),
      role: "system",
      kind: "notice",
      content: headOfBytes(storable(text), NOTICE_MAX_BYTES),
      toolMetadata: null,
      final: true,
      interrupted: false,
      truncated: null,
      createdAt: this.#ports.clock.now(),
    };
  }
}

/** The same id for the same key, so that a repeated notice is known. A UUID of version 8. */
function keyedMessageId(sessionId: string, key: string): MessageId {
  const hex = sha256(`${sessionId}\n${key}`);
  return messageId.parse(
    [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-"),
  );
}

function runningHash(hash: Hash): RunningHash {
  return {
    append: (text) => runningHash(hash.copy().update(text)),
    hex: () => hash.copy().digest("hex"),
  };
}
