/** Runs the flush core: one request in flight, timers, tokens. Keeps M1, M2. */
import type { Clock, Logger, Random, Timers } from "@samovar/base";
import { assertNever, errorMessage } from "@samovar/base";
import type { Batch, BatchLimits } from "@samovar/domain/outbox";
import type { FlushEffect, FlushEvent, FlushSettings, FlushState } from "@samovar/domain/outbox-flush";
import { flush, initialFlush } from "@samovar/domain/outbox-flush";
import type { SendOutcome, Transport } from "./http-transport.ts";
import type { OutboxStore } from "./store.ts";

export interface DeliveryPorts {
  readonly store: OutboxStore;
  readonly transport: Transport;
  readonly settings: FlushSettings;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  /** Rows were acknowledged, or a token is needed. */
  onChange(): void;
}

export class Delivery {
  readonly #ports: DeliveryPorts;
  readonly #aborter = new AbortController();
  #state: FlushState;
  #token: string | null = null;
  #lastBatch: Batch | null = null;
  #cancelWake: () => void = () => {};

  constructor(ports: DeliveryPorts) {
    this.#ports = ports;
    this.#state = initialFlush(ports.settings);
  }

  /** Whether the store has refused the last token. */
  get needsToken(): boolean {
    return this.#state.phase.kind === "token_wanted" && this.#state.phase.refused;
  }

  /** The pauses between refusals of the store in a row, in milliseconds. */
  get refusedMs(): number {
    return this.#state.refusedMs;
  }

  /** Messages were committed. */
  grew(): void {
    this.#on({ kind: "grew" });
  }

  /** A token that the store has just refused is not tried again. */
  setToken(token: string): void {
    if (this.needsToken && token === this.#token) return;
    this.#token = token;
    this.#on({ kind: "token" });
  }

  /** Sends nothing more; what was not acknowledged stays in the file. */
  stop(): void {
    this.#cancelWake();
    this.#aborter.abort();
  }

  #on(event: FlushEvent): void {
    if (this.#aborter.signal.aborted) return;
    const { clock, settings } = this.#ports;
    const { state, effects } = flush(this.#state, event, clock.now(), settings);
    this.#state = state;
    for (const effect of effects) this.#run(effect);
  }

  #run(effect: FlushEffect): void {
    switch (effect.kind) {
      case "send":
        void this.#send(effect.limits);
        return;
      case "wake":
        this.#cancelWake();
        this.#cancelWake = this.#ports.timers.after(Math.max(0, effect.at - this.#ports.clock.now()), () =>
          this.#on({ kind: "due" }),
        );
        return;
      case "dead_letter_head":
        this.#deadLetterHead();
        return;
      default:
        assertNever(effect, "flush effect");
    }
  }

  async #send(limits: BatchLimits): Promise<void> {
    const { store, transport, log } = this.#ports;
    try {
      const batch = store.nextBatch(limits);
      this.#lastBatch = batch;
      if (batch === null || this.#token === null) return this.#on({ kind: "empty" });
      const outcome = await transport.send(batch.messages, this.#token, this.#aborter.signal);
      if (this.#aborter.signal.aborted) return;
      this.#on(this.#applyOutcome(batch, outcome));
    } catch (error) {
      log.error("outbox.flush_failed", { error: errorMessage(error) });
      this.#on({ kind: "failed", answered: false, retryAfterMs: null, jitter: this.#ports.random.next() });
    }
    this.#ports.onChange();
  }

  #applyOutcome(batch: Batch, outcome: SendOutcome): FlushEvent {
    const { store, clock, random, log } = this.#ports;
    switch (outcome.kind) {
      case "answered": {
        const { again } = store.applyReply(batch.sent, outcome.reply, clock.now());
        return { kind: "answered", pending: !store.isDrained(), again };
      }
      case "unauthorized":
        log.warn("outbox.unauthorized");
        return { kind: "unauthorized" };
      case "too_large":
        return { kind: "too_large", rows: batch.sent.length, divisible: batch.sent[0]?.divisible ?? false };
      case "failed":
        store.failed(batch.sent, outcome.reason);
        log.warn("outbox.refused", { reason: outcome.reason, rows: batch.sent.length });
        return {
          kind: "failed",
          answered: outcome.answered,
          retryAfterMs: outcome.retryAfterMs,
          jitter: random.next(),
        };
      default:
        return assertNever(outcome, "outcome");
    }
  }

  #deadLetterHead(): void {
    const head = this.#lastBatch?.sent[0];
    if (head === undefined) return;
    this.#ports.log.error("outbox.dead_lettered", { messageId: head.messageId });
    this.#ports.store.moveToDeadLetter(
      head.messageId,
      "rejected: larger than the store takes",
      this.#ports.clock.now(),
    );
  }
}
