/** For tests: a session's file, a store with the true verdicts, and time that only the test moves. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { idSource, silentLogger, systemClock, systemRandom } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import { type DeliveredMessage, type DeliveryReply, nodeEnvironment } from "@samovar/contracts";
import { hashMessage, digestTranscript } from "@samovar/domain/transcript-digest";
import type { EmittedMessage } from "@samovar/domain/emitted-message";
import { toDeliveryResult, decideDelivery, readDeliveredRow } from "@samovar/domain/message-store";
import type { StoredMessage } from "@samovar/domain/message-store";
import { testTime } from "@samovar/testing";
import { Delivery } from "./delivery.ts";
import type { SendOutcome, Transport } from "./http-transport.ts";
import { openSessionFile } from "./open.ts";
import type { Salvage } from "./open.ts";
import { type OutboxSettings, toOutboxSettings } from "./settings.ts";
import { OutboxStore } from "./store.ts";

export const ids = idSource(systemClock, systemRandom);
const newPath = () => join(mkdtempSync(join(tmpdir(), "smv-outbox-")), "host.sqlite");

/** The control plane's side, in memory. */
export class PlainStore {
  readonly #session = ids.make("ses");
  readonly #messages = new Map<string, StoredMessage>();
  refusals = 0;

  get session() {
    return this.#session;
  }

  take(rows: readonly unknown[]): DeliveryReply {
    const results = rows.map((row) => {
      const read = readDeliveredRow(row, { seq: 1, timestamp: "2026-01-01T00:00:00.000Z" });
      if (!read.ok) throw new Error(read.error.reason);
      const judgement = decideDelivery(
        this.#messages.get(read.value.messageId) ?? null,
        read.value,
        { session: this.#session },
        { position: this.#messages.size, createdAt: 0 },
      );
      if (judgement.outcome === "stored") this.#messages.set(read.value.messageId, judgement.next);
      if (judgement.outcome === "conflict" || judgement.outcome === "rejected") this.refusals += 1;
      return toDeliveryResult(read.value.messageId, judgement);
    });
    return { persisted: 0, duplicates: 0, results };
  }

  transcript(): readonly StoredMessage[] {
    return [...this.#messages.values()];
  }

  digest() {
    return digestTranscript(
      this.transcript()
        .filter((message) => message.final)
        .map((message) => hashMessage(message, sha256)),
      sha256,
    );
  }
}

/** Holds each request until the test decides what becomes of it. */
class HeldTransport implements Transport {
  readonly tokens: string[] = [];
  inFlight: { readonly messages: readonly DeliveredMessage[]; readonly answer: (outcome: SendOutcome) => void } | null =
    null;

  send(messages: readonly DeliveredMessage[], token: string): Promise<SendOutcome> {
    if (this.inFlight !== null) throw new Error("two requests in flight");
    this.tokens.push(token);
    return new Promise((resolve) => {
      this.inFlight = {
        messages,
        answer: (outcome) => {
          this.inFlight = null;
          resolve(outcome);
        },
      };
    });
  }
}

/** A host's part of delivery, which can die and come again on the same file. */
export class Sender {
  readonly path = newPath();
  readonly time = testTime();
  readonly settings;
  readonly #session;
  transport = new HeldTransport();
  salvage: Salvage | null = null;
  #file;
  store: OutboxStore;
  delivery: Delivery;

  constructor(session: PlainStore["session"], settings: Partial<OutboxSettings> = {}) {
    this.#session = session;
    this.settings = { ...toOutboxSettings(nodeEnvironment.parse({})), minIntervalMs: 50, ...settings };
    [this.#file, this.store, this.delivery] = this.#open();
  }

  say(message: EmittedMessage): void {
    this.store.commit([message], null);
    this.delivery.grew();
  }

  /** Dies wherever it waits; answers to it are lost. */
  die(): void {
    this.delivery.stop();
    this.#file.db.close();
  }

  comeAgain(): void {
    this.transport = new HeldTransport();
    [this.#file, this.store, this.delivery] = this.#open();
    this.delivery.setToken("token");
    this.delivery.grew();
  }

  crash(): void {
    this.die();
    this.comeAgain();
  }

  get db() {
    return this.#file.db;
  }

  #open() {
    const file = openSessionFile(this.path, this.time);
    this.salvage = file.salvage;
    const store = new OutboxStore(file.db, this.#session);
    const delivery = new Delivery({
      store,
      transport: this.transport,
      settings: this.settings,
      clock: this.time,
      timers: this.time,
      random: { next: () => 0.5, bytes: (length) => new Uint8Array(length) },
      log: silentLogger,
      onChange: () => {},
    });
    return [file, store, delivery] as const;
  }
}

/** Lets everything that waits for a settled promise run. */
export const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Answers truthfully until nothing is left. Fails when that takes more than `rounds`. */
export async function drain(sender: Sender, store: PlainStore, rounds = 500): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await settled();
    if (sender.transport.inFlight !== null) {
      const { messages, answer } = sender.transport.inFlight;
      answer({ kind: "answered", reply: store.take(messages) });
    } else if (sender.store.isDrained()) return;
    else if (!sender.time.fireNext()) sender.delivery.setToken("fresh");
  }
  throw new Error("the outbox does not drain");
}

export const aText = (content: string, change: Partial<EmittedMessage> = {}): EmittedMessage => ({
  messageId: ids.messageId(),
  role: "assistant",
  kind: "text",
  content,
  toolMetadata: null,
  final: true,
  interrupted: false,
  truncated: null,
  createdAt: 5,
  ...change,
});

export const aTool = (output: string, change: Partial<EmittedMessage> = {}): EmittedMessage =>
  aText("Run", {
    role: "tool",
    kind: "tool",
    toolMetadata: { toolCallId: "t", tool: "execute", title: "Run", target: null, status: "success", output },
    ...change,
  });
