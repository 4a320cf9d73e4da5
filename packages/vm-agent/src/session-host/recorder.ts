/**
 * Records the agent's messages in the outbox, in order. When the outbox or the disk is full, the agent is paused. Messages
 * are dropped only if the policy says so, and then a notice says how many. No known secret is recorded.
 * Keeps M1, M2, S1 [R6][F33].
 */
import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import type { Clock, IdSource, Logger, MessageId, Timers } from "@samovar/base";
import { errorMessage } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { ToolMetadata, Usage } from "@samovar/contracts";
import { messageId } from "@samovar/contracts";
import type { Assembled, AssemblerPorts, AssemblerState } from "@samovar/domain/assembler";
import type { EmittedMessage } from "@samovar/domain/emitted-message";
import {
  assemble,
  countRedactions,
  emptyAssembler,
  finalizeMessages,
  releaseHeldText,
} from "@samovar/domain/assembler";
import type { RunningHash } from "@samovar/domain/growing-text";
import type { GrownText, HeldText } from "@samovar/domain/secret-redactor";
import { headOfBytes, storable } from "@samovar/domain/text-limits";
import { addUsage } from "@samovar/domain/usage-tally";
import type { OutboxSettings, OutboxStore } from "@samovar/outbox";
import type { SessionSecrets } from "./session-secrets.ts";

export interface RecorderPorts {
  /** The checkout, absolute. */
  readonly cwd: string;
  readonly secrets: SessionSecrets;
  readonly store: OutboxStore;
  readonly settings: Pick<OutboxSettings, "maxRows" | "fullPolicy">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: IdSource;
  readonly log: Logger;
  onCommitted(): void;
  /** Called when the agent must be paused or may resume. */
  onPause(paused: boolean): void;
}

const RETRY_MS = 1000;
/** After that the end of a text is shown that was held back because a secret might begin there. */
const SILENCE_MS = 500;
const NOTICE_MAX_BYTES = 16 * 1024;
/** The agent is paused at `maxRows` and resumes below this fraction of it. */
const RESUME_AT = 0.9;

export class Recorder {
  readonly #ports: RecorderPorts;
  readonly #assembler: Omit<AssemblerPorts, "redactor">;
  #state: AssemblerState = emptyAssembler;
  /** Uncommitted messages in order of first appearance; updates of one message are merged. */
  readonly #waiting = new Map<MessageId, EmittedMessage>();
  #also: (() => void)[] = [];
  #committed: PromiseWithResolvers<void> | null = null;
  #isPaused = false;
  #dropped = 0;
  #cancelRelease = () => {};
  #otherRedactions = 0;

  constructor(ports: RecorderPorts) {
    this.#ports = ports;
    this.#assembler = {
      cwd: ports.cwd,
      messageId: () => ports.ids.messageId(),
      sha256,
      emptyHash: createRunningHash(createHash("sha256")),
    };
  }

  get state(): AssemblerState {
    return this.#state;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** How many secrets were redacted in the transcript and by {@link redact}. */
  get redactions(): number {
    return countRedactions(this.#state) + this.#otherRedactions;
  }

  /** Adds a raw ACP update; the next {@link commit} writes it. */
  update(raw: unknown): void {
    this.#take(assemble(this.#state, raw, this.#ports.clock.now(), this.#getAssemblerPorts()));
    this.#cancelRelease();
    if (this.#state.current !== null) this.#cancelRelease = this.#ports.timers.after(SILENCE_MS, () => this.#release());
  }

  /** A text does not end in the middle of a word while its agent is silent. */
  #release(): void {
    this.#take(releaseHeldText(this.#state, this.#getAssemblerPorts()));
    void this.commit();
  }

  /** Redacts a text for the transcript or the session's end, which may have been cut at its end. */
  redact(text: string): string {
    const redacted = this.#ports.secrets.redactor.redactCut(text);
    this.#otherRedactions += redacted.redactions;
    return redacted.text;
  }

  /** Adds model usage that is not part of an update. */
  recordUsage(usage: Usage): void {
    this.#state = { ...this.#state, usage: addUsage(this.#state.usage, usage) };
  }

  /** As {@link redact}, for the next chunk of a growing text; see {@link SecretRedactor.grow}. */
  redactChunk(held: HeldText, chunk: string): GrownText {
    const grown = this.#ports.secrets.redactor.grow(held, chunk);
    this.#otherRedactions += grown.redactions;
    return grown;
  }

  /** The rest of a text that grows no more; see {@link redactChunk}. */
  redactRest(held: HeldText): string {
    const { text, redactions } = this.#ports.secrets.redactor.flush(held);
    this.#otherRedactions += redactions;
    return text;
  }

  /** Makes all messages final, in one transaction with `also`, which runs after they are. Resolves when they are on disk. */
  finish(how: "ended" | "broken", also: () => void): Promise<void> {
    this.#cancelRelease();
    this.#take(finalizeMessages(this.#state, how, this.#getAssemblerPorts()));
    this.#also.push(also);
    return this.commit();
  }

  /** Appends final messages, in one transaction with `also`. */
  append(messages: readonly EmittedMessage[], also: () => void = () => {}): Promise<void> {
    for (const message of messages) this.#waiting.set(message.messageId, message);
    this.#also.push(also);
    return this.commit();
  }

  /** Appends a system message, once per `key`. `toolMetadata` is recorded as it is. */
  notice(key: string, text: string, toolMetadata: ToolMetadata | null = null): Promise<void> {
    return this.append(this.#createNotices(key, text, toolMetadata));
  }

  /** Appends the last message, if any, in one transaction with `also`. Repeatable: it is appended once. */
  close(notice: string | null, also: () => void): Promise<void> {
    return this.append(notice === null ? [] : this.#createNotices("close", notice), also);
  }

  /** Writes the uncommitted messages. Resolves when they are on disk, retrying as long as the disk refuses. */
  commit(): Promise<void> {
    if (this.#committed !== null) return this.#committed.promise;
    if (this.#waiting.size === 0 && this.#also.length === 0) return Promise.resolve();
    if (this.#write()) return Promise.resolve();
    this.#committed = Promise.withResolvers();
    this.#ports.timers.after(RETRY_MS, () => this.#retry());
    this.#pause();
    return this.#committed.promise;
  }

  /** Call when rows have left the outbox: resumes a paused agent if there is space. */
  resumeIfPossible(): void {
    const { store, settings } = this.#ports;
    const isFree = this.#committed === null && store.rows() < settings.maxRows * RESUME_AT;
    if (!this.#isPaused || !isFree) return;
    this.#isPaused = false;
    this.#ports.onPause(false);
  }

  #getAssemblerPorts(): AssemblerPorts {
    return { ...this.#assembler, redactor: this.#ports.secrets.redactor };
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
    this.resumeIfPossible();
  }

  #keepWithin(): void {
    const { store, settings, log } = this.#ports;
    if (store.rows() < settings.maxRows) return;
    if (settings.fullPolicy === "pause") return this.#pause();
    const dropped = store.dropOldest(Math.floor(settings.maxRows * RESUME_AT));
    if (dropped === 0) return this.#pause();
    this.#dropped += dropped;
    log.warn("outbox.dropped", { dropped, inAll: this.#dropped });
    const text = `${dropped} messages were dropped here, because the outbox was full (${settings.maxRows}) and the policy is to drop the oldest.`;
    store.commit(this.#createNotices(`dropped-${this.#ports.ids.messageId()}`, text), this.#state.current);
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#ports.log.warn("agent.paused", { rows: this.#ports.store.rows() });
    this.#ports.onPause(true);
  }

  /** The notice; none if there is one with this key already. */
  #createNotices(key: string, text: string, toolMetadata: ToolMetadata | null = null): readonly EmittedMessage[] {
    const { store, clock } = this.#ports;
    const messageId = createNoticeId(store.sessionId, key);
    if (this.#waiting.has(messageId) || store.has(messageId)) return [];
    const notice: EmittedMessage = {
      messageId,
      role: "system",
      kind: "notice",
      content: headOfBytes(storable(this.redact(text)), NOTICE_MAX_BYTES),
      toolMetadata,
      final: true,
      interrupted: false,
      truncated: null,
      createdAt: clock.now(),
    };
    return [notice];
  }
}

/** The same id for the same key, so that a repeated notice is recognised. A version 8 UUID. */
function createNoticeId(sessionId: string, key: string): MessageId {
  const hex = sha256(`${sessionId}\n${key}`);
  return messageId.parse(
    [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join("-"),
  );
}

function createRunningHash(hash: Hash): RunningHash {
  return {
    append: (text) => createRunningHash(hash.copy().update(text)),
    hex: () => hash.copy().digest("hex"),
  };
}
