import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { EmittedMessage } from "@samovar/domain/emitted-message";
import * as fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import type { SendOutcome } from "./http-transport.ts";
import { openSessionFile } from "./open.ts";
import { PlainStore, Sender, aText, aTool, drain, ids, settled } from "./outbox.testing.ts";
import { SessionRecord } from "./session-record.ts";

const senders: Sender[] = [];
function given(settings?: ConstructorParameters<typeof Sender>[1]) {
  const store = new PlainStore();
  const sender = new Sender(store.session, settings);
  senders.push(sender);
  return { store, sender };
}
afterEach(() => {
  for (const sender of senders.splice(0)) {
    if (sender.db.isOpen) sender.die();
    rmSync(dirname(sender.path), { recursive: true, force: true });
  }
});

const texts = (store: PlainStore) => store.transcript().map((message) => message.content);
const FAILED: SendOutcome = { kind: "failed", answered: false, reason: "cut", retryAfterMs: null };
const REFUSED = { kind: "failed", answered: true, reason: "503", retryAfterMs: null } as const satisfies SendOutcome;

describe("the file", () => {
  it("[F6] is opened with a write-ahead log, full sync, and for one process alone", () => {
    const { sender } = given();
    expect(sender.db.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
    expect(sender.db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
    expect(() => openSessionFile(sender.path, { now: () => 0 })).toThrow(/locked/);
  });

  it("belongs to one session for ever", () => {
    const { sender, store } = given();
    const identity = {
      workspaceId: ids.make("wsp"),
      sessionId: store.session,
      projectId: ids.make("prj"),
      nodeId: ids.make("nod"),
      epoch: 1,
    };
    const record = new SessionRecord(sender.db);
    record.claim(identity);
    record.claim({ ...identity, epoch: 2 });
    expect(() => record.claim({ ...identity, sessionId: ids.make("ses") })).toThrow(/belongs to session/);
  });

  it("[F34] moves a damaged file away, and salvages and sends its readable rows", async () => {
    const { sender, store } = given();
    const said = Array.from({ length: 200 }, (_, i) => aText(`${i} ${"x".repeat(900)}`));
    sender.store.commit(said, null);
    sender.die();
    const bytes = readFileSync(sender.path);
    bytes.fill(0xff, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 4096);
    writeFileSync(sender.path, bytes);
    sender.comeAgain();
    expect(sender.salvage?.saved).toBeGreaterThan(100);
    expect(sender.salvage?.saved).toBeLessThan(201);
    expect(readFileSync(sender.salvage?.movedTo ?? "").length).toBe(bytes.length);
    await drain(sender, store);
    const sent = texts(store);
    expect(sent).toHaveLength(sender.salvage?.saved ?? 0);
    expect(said.map((message) => message.content).filter((content) => sent.includes(content))).toEqual(sent);
  });

  it("[F34] moves away a file that is not a database", async () => {
    const { sender, store } = given();
    sender.die();
    writeFileSync(sender.path, "not a database, not at all, but long enough to look like one".repeat(100));
    sender.comeAgain();
    expect(sender.salvage).toMatchObject({ saved: 0 });
    sender.say(aText("after"));
    await drain(sender, store);
    expect(texts(store)).toEqual(["after"]);
  });

  it("[F33] a full disk takes nothing by halves", () => {
    const { sender } = given();
    const { page_count: pages } = sender.db.prepare("PRAGMA page_count").get() ?? {};
    sender.db.exec(`PRAGMA max_page_count = ${Number(pages) + 4}`);
    expect(() => sender.store.commit([aText("small"), aText("x".repeat(100_000))], null)).toThrow(/full/);
    expect(sender.store.rows()).toBe(0);
    sender.db.exec("PRAGMA max_page_count = 100000");
    sender.store.commit([aText("small")], null);
    expect(sender.store.digest().count).toBe(1);
  });
});

describe("delivery", () => {
  it("[R3] the first message goes at once; what comes meanwhile is one request", async () => {
    const { sender, store } = given();
    sender.delivery.setToken("token");
    const message = aText("a", { final: false });
    sender.say(message);
    expect(sender.transport.inFlight?.messages).toHaveLength(1);
    for (const content of ["ab", "abc"]) sender.say({ ...message, content });
    sender.say(aText("next"));
    sender.transport.inFlight?.answer({ kind: "answered", reply: store.take(sender.transport.inFlight.messages) });
    await settled();
    expect(sender.transport.inFlight).toBeNull();
    sender.time.fireNext();
    expect(sender.transport.inFlight?.messages.map((one) => one.body)).toEqual([
      { mode: "append", offset: 1, text: "bc" },
      { mode: "append", offset: 0, text: "next" },
    ]);
    await drain(sender, store);
    expect(texts(store)).toEqual(["abc", "next"]);
    expect(sender.store.rows()).toBe(1);
  });

  it("[F4] a lost reply: the repeat is answered duplicate and the row goes", async () => {
    const { sender, store } = given();
    sender.delivery.setToken("token");
    sender.say(aText("once"));
    store.take(sender.transport.inFlight?.messages ?? []);
    sender.transport.inFlight?.answer(FAILED);
    await drain(sender, store);
    expect(texts(store)).toEqual(["once"]);
    expect(sender.store.rows()).toBe(0);
  });

  it("[F38] a 401 keeps the rows; a token that was refused is not tried again", async () => {
    const { sender, store } = given();
    sender.delivery.setToken("old");
    sender.say(aText("retained"));
    sender.transport.inFlight?.answer({ kind: "unauthorized" });
    await settled();
    expect(sender.delivery.needsToken).toBe(true);
    sender.delivery.setToken("old");
    expect(sender.transport.inFlight).toBeNull();
    sender.delivery.setToken("new");
    expect(sender.transport.tokens).toEqual(["old", "new"]);
    await drain(sender, store);
    expect(texts(store)).toEqual(["retained"]);
  });

  it("[F35] a row that is refused goes to the dead letter, and its neighbours pass", async () => {
    const { sender, store } = given();
    sender.store.commit([aText("before"), aText("poison"), aText("after")], null);
    sender.delivery.setToken("token");
    const sent = sender.transport.inFlight?.messages ?? [];
    const [first, , third] = store
      .take(sent.filter((_, i) => i !== 1))
      .results.toSpliced(1, 0, { messageId: "", outcome: "duplicate" });
    const poison = { messageId: sent[1]?.messageId ?? "", outcome: "rejected" as const, reason: "no tea" };
    if (first !== undefined && third !== undefined) {
      sender.transport.inFlight?.answer({
        kind: "answered",
        reply: { persisted: 2, duplicates: 0, results: [first, poison, third] },
      });
    }
    await drain(sender, store);
    expect(texts(store)).toEqual(["before", "after"]);
    expect(sender.store.stats()).toEqual({ pending: 0, deadLetters: 1, lastDeadLetterReason: "rejected: no tea" });
    expect(sender.store.digest().count).toBe(3);
  });

  it("a 413 halves the batch, then the text; only a row that cannot be split becomes a dead letter", async () => {
    const { sender, store } = given();
    sender.store.commit([aText("x".repeat(30_000)), aTool("y".repeat(90_000)), aText("end")], null);
    sender.delivery.setToken("token");
    const limit = 8_000;
    for (let i = 0; i < 200 && !sender.store.isDrained(); i++) {
      const { inFlight } = sender.transport;
      if (inFlight === null) sender.time.fireNext();
      else if (JSON.stringify(inFlight.messages).length > limit) inFlight.answer({ kind: "too_large" });
      else inFlight.answer({ kind: "answered", reply: store.take(inFlight.messages) });
      await settled();
    }
    expect(texts(store)).toEqual(["x".repeat(30_000), "end"]);
    expect(sender.store.stats()).toMatchObject({ pending: 0, deadLetters: 1 });
  });

  it("[F7] while the store is away it is asked ever less often, and never stormed", async () => {
    const { sender, store } = given();
    sender.delivery.setToken("token");
    sender.say(aText("0"));
    const asked: number[] = [];
    for (let i = 1; i <= 20; i++) {
      if (sender.transport.inFlight !== null) asked.push(sender.time.now());
      sender.transport.inFlight?.answer(REFUSED);
      await settled();
      sender.say(aText(String(i)));
      sender.time.fireNext();
    }
    const gaps = asked.slice(1).map((at, i) => at - (asked[i] ?? 0));
    expect(gaps.slice(0, 6)).toEqual([750, 1500, 3000, 6000, 12_000, 22_500]);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(30_000);
    await drain(sender, store);
    expect(texts(store)).toEqual(Array.from({ length: 21 }, (_, i) => String(i)));
  });
});

describe("how long the store has refused", () => {
  async function answers(...outcomes: readonly SendOutcome[]) {
    const { sender, store } = given();
    sender.delivery.setToken("token");
    sender.say(aText("0"));
    const refusedMs: number[] = [];
    for (const outcome of outcomes) {
      sender.transport.inFlight?.answer(outcome);
      await settled();
      refusedMs.push(sender.delivery.refusedMs);
      sender.time.fireNext();
    }
    await drain(sender, store);
    return { refusedMs, after: sender.delivery.refusedMs };
  }

  it("is the sum of the pauses between its refusals, and nothing once it has taken a message", async () => {
    expect(await answers(REFUSED, REFUSED, REFUSED)).toEqual({ refusedMs: [0, 750, 2_250], after: 0 });
  });

  it("[F7] does not grow while the store cannot be reached, however often it is tried", async () => {
    expect(await answers(FAILED, FAILED, FAILED, FAILED)).toEqual({ refusedMs: [0, 0, 0, 0], after: 0 });
  });
});

describe("[R3] model", () => {
  type Action =
    | { kind: "begin"; tool: boolean }
    | { kind: "grow"; which: number; words: string }
    | { kind: "finish"; which: number }
    | {
        kind: "answer";
        how: "take" | "lose_request" | "lose_reply" | "twice" | "refuse" | "too_large" | "unauthorized";
      }
    | { kind: "tick" }
    | { kind: "crash" };
  const words = fc.string({
    unit: fc.constantFrom("a", "\u{1fad6}", '"', "\u001b", "\n"),
    minLength: 1,
    maxLength: 400,
  });
  const action: fc.Arbitrary<Action> = fc.oneof(
    fc.record({ kind: fc.constant("begin" as const), tool: fc.boolean() }),
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("grow" as const), which: fc.nat(9), words }) },
    fc.record({ kind: fc.constant("finish" as const), which: fc.nat(9) }),
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("answer" as const),
        how: fc.constantFrom(
          "take" as const,
          "take" as const,
          "lose_request" as const,
          "lose_reply" as const,
          "twice" as const,
          "refuse" as const,
          "too_large" as const,
          "unauthorized" as const,
        ),
      }),
    },
    { weight: 2, arbitrary: fc.constant({ kind: "tick" as const }) },
    fc.constant({ kind: "crash" as const }),
  );

  /** Delayed copies of requests, which the network may deliver once more at any time. */
  function answer(
    sender: Sender,
    store: PlainStore,
    how: Extract<Action, { kind: "answer" }>["how"],
    late: (readonly unknown[])[],
  ): void {
    const { inFlight } = sender.transport;
    if (inFlight === null) return;
    const { messages, answer: reply } = inFlight;
    if (how === "lose_request") return reply(FAILED);
    if (how === "refuse") return reply({ ...REFUSED, retryAfterMs: 10 });
    if (how === "unauthorized") return reply({ kind: "unauthorized" });
    if (how === "too_large" && JSON.stringify(messages).length > 4_000) return reply({ kind: "too_large" });
    const taken = store.take(messages);
    if (how === "twice") late.push(messages);
    reply(how === "lose_reply" ? FAILED : { kind: "answered", reply: taken });
  }

  it("[F1][F2][F3][F4][F5][F8][F37] after any schedule of faults the store has what was said, once and in order", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 60 }), async (actions) => {
        const { sender, store } = given({ bytes: 1024, rows: 3 });
        sender.delivery.setToken("token");
        const said: EmittedMessage[] = [];
        const late: (readonly unknown[])[] = [];
        const change = (which: number, next: (message: EmittedMessage) => EmittedMessage) => {
          const message = said[which];
          if (message === undefined || message.final) return;
          const grown = next(message);
          said[which] = grown;
          sender.say(grown);
        };
        for (const act of actions) {
          if (act.kind === "begin") {
            said.push(act.tool ? aTool("", { final: false }) : aText("", { final: false }));
            change(said.length - 1, (message) => ({ ...message }));
          } else if (act.kind === "grow") {
            change(act.which, (message) =>
              message.toolMetadata === null
                ? { ...message, content: message.content + act.words }
                : { ...message, toolMetadata: { ...message.toolMetadata, output: act.words } },
            );
          } else if (act.kind === "finish") change(act.which, (message) => ({ ...message, final: true }));
          else if (act.kind === "answer") answer(sender, store, act.how, late);
          else if (act.kind === "crash") sender.crash();
          else if (!sender.time.fireNext()) sender.delivery.setToken(`token-${ids.messageId()}`);
          await settled();
          if (act.kind === "tick") for (const copy of late.splice(0)) store.take(copy);
        }
        for (let which = 0; which < said.length; which++) change(which, (message) => ({ ...message, final: true }));
        await drain(sender, store);
        expect(
          store
            .transcript()
            .map(({ messageId, content, toolMetadata, final }) => ({ messageId, content, toolMetadata, final })),
        ).toEqual(
          said.map(({ messageId, content, toolMetadata, final }) => ({ messageId, content, toolMetadata, final })),
        );
        expect(store.digest()).toEqual(sender.store.digest());
        expect(sender.store.stats()).toEqual({ pending: 0, deadLetters: 0, lastDeadLetterReason: null });
        expect(sender.store.rows()).toBe(0);
        sender.die();
        rmSync(dirname(sender.path), { recursive: true, force: true });
        senders.splice(senders.indexOf(sender), 1);
      }),
      { numRuns: 60 },
    );
  });
});
