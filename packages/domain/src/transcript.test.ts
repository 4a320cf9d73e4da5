/** A viewer against a store over a socket that loses, repeats and breaks; whatever happened, a new subscription makes them equal. */
import type { MessageId, SessionId } from "@samovar/base";
import type { MessageView } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Transcript, TranscriptEvent, TranscriptPage } from "./transcript.ts";
import {
  applyEvent,
  emptyTranscript,
  isTranscriptEvent,
  prependPage,
  reachesStart,
  subscription,
  transcriptFromPage,
} from "./transcript.ts";

const sessionId = `ses_${"0".repeat(26)}` as SessionId;
const idOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, "0")}` as MessageId;

const message = (position: number, fields: Partial<MessageView> = {}): MessageView => ({
  messageId: idOf(position),
  sessionId,
  position,
  role: "assistant",
  kind: "text",
  content: "Hello",
  toolMetadata: null,
  revision: 1,
  final: false,
  interrupted: false,
  truncated: null,
  createdAt: 0,
  ...fields,
});

const sync = (version: number, messages: MessageView[], more = false): Extract<TranscriptEvent, { type: "sync" }> => ({
  type: "sync",
  sessionId,
  version,
  messages,
  more,
});
const added = (version: number, view: MessageView): TranscriptEvent => ({
  type: "message.new",
  sessionId,
  version,
  message: view,
});
const whole = (version: number, view: MessageView): TranscriptEvent => ({
  type: "message.updated",
  sessionId,
  version,
  change: { mode: "whole", message: view },
});
const delta = (version: number, position: number, revision: number, offset: number, text: string): TranscriptEvent => ({
  type: "message.updated",
  sessionId,
  version,
  change: {
    mode: "delta",
    delta: {
      messageId: idOf(position),
      revision,
      offset,
      text,
      final: false,
      interrupted: false,
      truncated: null,
      toolMetadata: null,
    },
  },
});

const page = (version: number, ...positions: number[]): TranscriptPage => ({
  version,
  messages: positions.map((position) => message(position)),
});

const live = (...messages: MessageView[]): Transcript =>
  applyEvent(emptyTranscript(sessionId), sync(messages.length, messages)).transcript;

describe("a transcript", () => {
  test("[R27] sync pages join and move the cursor with the last one", () => {
    const first = applyEvent(emptyTranscript(sessionId), sync(9, [message(0)], true));
    expect(first).toMatchObject({ outcome: "applied", transcript: { version: 0 } });
    const second = applyEvent(first.transcript, sync(9, [message(1)]));
    expect(second).toMatchObject({
      outcome: "applied",
      transcript: { version: 9, messages: [{ position: 0 }, { position: 1 }] },
    });
  });

  test("[R27] new messages, growth and replacements apply in order, one version each", () => {
    const one = applyEvent(live(message(0)), added(2, message(1))).transcript;
    const two = applyEvent(one, delta(3, 1, 2, 5, " there")).transcript;
    const three = applyEvent(two, whole(4, message(0, { content: "Bye", revision: 2 })));
    expect(three.outcome).toBe("applied");
    expect(three.transcript.messages.map(({ content }) => content)).toEqual(["Bye", "Hello there"]);
    expect(three.transcript.version).toBe(4);
  });

  test("[R27] [F43] a gap asks for what is missing and leaves the view as it was", () => {
    const before = live(message(0));
    for (const event of [added(3, message(2)), delta(3, 0, 2, 5, "!"), whole(3, message(0, { revision: 3 }))]) {
      expect(applyEvent(before, event)).toEqual({ outcome: "resync", transcript: before });
    }
    expect(subscription(before)).toEqual({ type: "subscribe", sessionId, afterVersion: 1 });
  });

  test("[R27] who has nothing asks for the newest alone; who has something asks for all that it missed", () => {
    expect(subscription(emptyTranscript(sessionId), 200)).toMatchObject({ afterVersion: 0, tail: 200 });
    expect(subscription(live(message(0)), 200)).toEqual({ type: "subscribe", sessionId, afterVersion: 1 });
  });

  test("[R27] an answer that restarts takes the place of all that was there, whatever its version", () => {
    const before = live(message(0), message(1));
    const first = applyEvent(before, { ...sync(1, [message(7)], true), restart: true });
    expect(first).toMatchObject({ outcome: "applied", transcript: { version: 0, messages: [{ position: 7 }] } });
    const second = applyEvent(first.transcript, sync(1, [message(8)]));
    expect(second.transcript).toMatchObject({ version: 1, messages: [{ position: 7 }, { position: 8 }] });
    expect(reachesStart(second.transcript)).toBe(false);
  });

  test("[F43] what is known already, and what is of another session, changes nothing", () => {
    const before = live(message(0), message(1));
    for (const event of [added(2, message(1)), delta(1, 0, 2, 5, "!"), sync(1, [message(0)])]) {
      expect(applyEvent(before, event)).toEqual({ outcome: "stale", transcript: before });
    }
    const foreign = { ...added(3, message(2)), sessionId: `ses_${"1".repeat(26)}` as SessionId };
    expect(applyEvent(before, foreign).outcome).toBe("stale");
  });

  test("an answer that nothing has changed keeps the very same transcript", () => {
    const before = live(message(0));
    expect(applyEvent(before, sync(1, [])).transcript).toBe(before);
  });

  test("a delta that does not meet the text asks again; one that is in the message already only moves the cursor", () => {
    const before = live(message(0, { revision: 4 }));
    expect(applyEvent(before, delta(2, 0, 5, 3, "lo!"))).toEqual({ outcome: "resync", transcript: before });
    const known = applyEvent(before, delta(2, 0, 3, 2, "llo"));
    expect(known.transcript).toMatchObject({ version: 2, messages: [{ content: "Hello", revision: 4 }] });
  });

  test("[F43] a message that is newer than the answer (from a page of the history) is kept; the cursor moves", () => {
    const before = live(message(0, { content: "newest", revision: 4 }));
    const older = message(0, { content: "older", revision: 3 });
    for (const event of [sync(2, [older]), whole(2, older), added(2, older), whole(2, { ...older, revision: 4 })]) {
      const after = applyEvent(before, event);
      expect(after).toMatchObject({
        outcome: "applied",
        transcript: { version: 2, messages: [{ content: "newest" }] },
      });
    }
    const same = applyEvent(before, sync(2, [message(0, { content: "newest", revision: 4 })])).transcript;
    expect(same.messages[0]).toBe(before.messages[0]);
  });

  test("events that contradict the view start it over", () => {
    const before = live(message(0));
    for (const event of [added(2, message(5)), sync(2, [message(5)]), delta(2, 7, 2, 0, "?")]) {
      expect(applyEvent(before, event)).toEqual({ outcome: "resync", transcript: emptyTranscript(sessionId) });
    }
  });

  test("a streamed word in ten thousand messages copies no other message", () => {
    const before = live(...Array.from({ length: 10_000 }, (_, position) => message(position)));
    const after = applyEvent(before, delta(10_001, 9_999, 2, 5, " there")).transcript;
    expect(after.messages[9_999]?.content).toBe("Hello there");
    expect(after.messages.slice(0, -1).every((view, index) => view === before.messages[index])).toBe(true);
  });

  test("only events of messages are a transcript's", () => {
    expect(isTranscriptEvent({ type: "pong" })).toBe(false);
    expect(isTranscriptEvent(sync(1, []))).toBe(true);
  });
});

describe("a window that does not reach the start", () => {
  test("older pages join in front, until the start is reached", () => {
    const newest = transcriptFromPage(sessionId, page(6, 4, 5));
    expect(reachesStart(newest)).toBe(false);
    const joined = prependPage(newest, page(6, 0, 1, 2, 3, 4));
    expect(joined.outcome).toBe("applied");
    expect(joined.transcript.messages.map(({ position }) => position)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(reachesStart(joined.transcript)).toBe(true);
  });

  test("a page that is older than a change it should hold is stale; one that does not reach the window asks again", () => {
    const newest = transcriptFromPage(sessionId, page(6, 4, 5));
    for (const event of [
      delta(7, 2, 2, 5, "!"),
      whole(7, message(2, { revision: 2 })),
      sync(7, [message(2, { revision: 2 })]),
    ]) {
      const missed = applyEvent(newest, event);
      expect(missed).toMatchObject({ outcome: "applied", transcript: { version: 7, missedVersion: 7 } });
      expect(prependPage(missed.transcript, page(6, 2, 3)).outcome).toBe("stale");
      expect(prependPage(missed.transcript, page(7, 2, 3)).outcome).toBe("applied");
    }
    expect(prependPage(newest, page(6, 0, 1)).outcome).toBe("resync");
    // A window that begins anew knows nothing of what changed before it.
    const anew = applyEvent(newest, { ...sync(9, [message(5)]), restart: true }).transcript;
    expect(prependPage(anew, page(8, 3, 4)).outcome).toBe("stale");
    expect(prependPage(anew, page(9, 3, 4)).outcome).toBe("applied");
    expect(prependPage(newest, page(6, 4, 5)).outcome).toBe("stale");
    expect(prependPage(emptyTranscript(sessionId), page(6, 0)).outcome).toBe("stale");
  });
});

/** More than this is answered by the newest alone. */
const MOST_IN_AN_ANSWER = 6;

/** A store with one session, as plain as can be, that remembers each text a message ever had. */
class Store {
  version = 0;
  readonly messages: MessageView[] = [];
  readonly changedAt: number[] = [];
  readonly history: string[][] = [];

  say(): TranscriptEvent {
    const view = message(this.messages.length, { content: "" });
    this.messages.push(view);
    this.history.push(["", view.content]);
    this.changedAt.push(++this.version);
    return added(this.version, view);
  }

  grow(position: number, text: string): TranscriptEvent | null {
    const before = this.messages[position];
    if (before === undefined) return null;
    this.store({ ...before, content: before.content + text, revision: before.revision + 1 });
    return delta(this.version, position, before.revision + 1, before.content.length, text);
  }

  replace(position: number, content: string): TranscriptEvent | null {
    const before = this.messages[position];
    if (before === undefined) return null;
    const view = { ...before, content, revision: before.revision + 1 };
    this.store(view);
    return whole(this.version, view);
  }

  answer(afterVersion: number, pageSize: number, tail = Number.POSITIVE_INFINITY): TranscriptEvent[] {
    const all = this.messages.filter(({ position }) => (this.changedAt[position] ?? 0) > afterVersion);
    const newest = afterVersion === 0 && tail < this.messages.length ? tail : MOST_IN_AN_ANSWER;
    const restarts = all.length > newest;
    const changed = restarts ? this.messages.slice(-newest) : all;
    const pages = Array.from({ length: Math.max(1, Math.ceil(changed.length / pageSize)) }, (_, i) =>
      changed.slice(i * pageSize, (i + 1) * pageSize),
    );
    return pages.map((messages, i) => ({
      ...sync(this.version, messages, i < pages.length - 1),
      ...(restarts && i === 0 ? { restart: true } : {}),
    }));
  }

  page(before: number, limit: number): TranscriptPage {
    return { version: this.version, messages: this.messages.slice(Math.max(0, before - limit), before) };
  }

  private store(view: MessageView): void {
    this.messages[view.position] = view;
    this.history[view.position]?.push(view.content);
    this.changedAt[view.position] = ++this.version;
  }
}

const text = fc.string({ maxLength: 5 });
const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.constant({ do: "say" } as const) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("grow" as const), which: fc.nat(9), text }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("replace" as const), which: fc.nat(9), text }) },
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant("receive" as const),
        fate: fc.constantFrom("whole" as const, "whole" as const, "lost" as const, "twice" as const, "late" as const),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ do: "cut" } as const) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant("ask for older" as const), limit: fc.integer({ min: 1, max: 4 }) }),
    },
    { weight: 1, arbitrary: fc.constant({ do: "older arrives" } as const) },
  ),
  { maxLength: 80 },
);

describe("random cuts, losses, repetitions and delays", () => {
  test("[R27] [F43] after a new subscription the view equals the store; before it, each text is one that the store had", () => {
    fc.assert(
      fc.property(
        steps,
        fc.nat(8),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
        (script, head, pageSize, windowed, tail) => {
          const store = new Store();
          for (let i = 0; i < head; i++) store.say();
          let view = windowed ? transcriptFromPage(sessionId, store.page(head, 2)) : emptyTranscript(sessionId);
          let socket: TranscriptEvent[] = [];
          let late: TranscriptEvent[] = [];
          let older: TranscriptPage | null = null;
          const subscribe = () => {
            const { afterVersion, tail: asked } = subscription(view, tail);
            socket.push(...store.answer(afterVersion, pageSize, asked));
          };
          const send = (event: TranscriptEvent | null) => event !== null && socket.push(event);
          const receive = (event: TranscriptEvent) => {
            const { outcome, transcript } = applyEvent(view, event);
            view = transcript;
            if (outcome === "resync") subscribe();
          };
          const reconnect = () => {
            socket = [];
            late = [];
            subscribe();
          };
          subscribe();
          for (const step of script) {
            switch (step.do) {
              case "say":
                send(store.say());
                break;
              case "grow":
                send(store.grow(step.which, step.text));
                break;
              case "replace":
                send(store.replace(step.which, step.text));
                break;
              case "receive": {
                const event = socket.shift();
                if (event === undefined) break;
                // A socket keeps order: a page of a longer answer is lost only together with its socket.
                if (event.type === "sync" && (step.fate === "lost" || step.fate === "late")) {
                  reconnect();
                  break;
                }
                if (step.fate === "lost") break;
                if (step.fate === "late") late.push(event);
                else receive(event);
                if (step.fate === "twice") for (const repeated of [event, ...late.splice(0)]) receive(repeated);
                break;
              }
              case "cut":
                reconnect();
                break;
              case "ask for older":
                older ??= store.page(view.messages[0]?.position ?? 0, step.limit);
                break;
              case "older arrives": {
                if (older === null) break;
                view = prependPage(view, older).transcript;
                older = null;
                break;
              }
            }
            view.messages.forEach(({ position, messageId, revision, content }, index) => {
              expect(position).toBe((view.messages[0]?.position ?? 0) + index);
              expect(messageId).toBe(idOf(position));
              expect(content).toBe(store.history[position]?.[revision]);
            });
          }
          reconnect();
          for (let event = socket.shift(); event !== undefined; event = socket.shift()) receive(event);
          while (!reachesStart(view))
            view = prependPage(view, store.page(view.messages[0]?.position ?? 0, 3)).transcript;
          expect(view.version).toBe(store.version);
          expect(view.messages).toEqual(store.messages);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
