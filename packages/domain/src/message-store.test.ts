/** Delivery against a store that is a map: single rules by example, then random growth over a network that loses, repeats and delays. */
import type { MessageId, SessionId } from "@samovar/base";
import type { DeliveredMessage, DeliveryResult, ToolMetadata } from "@samovar/contracts";
import { LIMITS } from "@samovar/contracts";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DeliveryDecision, StoredMessage } from "./message-store.ts";
import { toDeliveryResult, decideDelivery, readDeliveredRow } from "./message-store.ts";

const session = `ses_${"0".repeat(26)}` as SessionId;
const otherSession = `ses_${"1".repeat(26)}` as SessionId;
const idOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, "0")}` as MessageId;
const arrival = { position: 3, createdAt: 1000 };

const row = (fields: Partial<DeliveredMessage> = {}): DeliveredMessage => ({
  messageId: idOf(1),
  sessionId: session,
  seq: 1,
  role: "assistant",
  kind: "text",
  revision: 1,
  body: { mode: "append", offset: 0, text: "Hello" },
  toolMetadata: null,
  final: false,
  interrupted: false,
  truncated: null,
  timestamp: "2026-11-22T12:00:00.000Z",
  ...fields,
});
const append = (offset: number, text: string) => ({ mode: "append", offset, text }) as const;
const replace = (content: string) => ({ mode: "replace", content }) as const;

const toolWith = (output: string): ToolMetadata => ({
  toolCallId: "t",
  tool: "t",
  title: "t",
  target: null,
  status: "success",
  output,
});

const decide = (stored: StoredMessage | null, sent: DeliveredMessage) =>
  decideDelivery(stored, sent, { session }, arrival);

function stored(...rows: DeliveredMessage[]): StoredMessage {
  let message: StoredMessage | null = null;
  for (const sent of rows) {
    const decision: DeliveryDecision = decide(message, sent);
    if (decision.outcome !== "stored") throw new Error(`not stored: ${decision.outcome}`);
    message = decision.next;
  }
  if (message === null) throw new Error("nothing was sent");
  return message;
}

describe("a message that is not stored", () => {
  test("[R3] is stored at the next position, from the node", () => {
    expect(decide(null, row())).toMatchObject({
      outcome: "stored",
      change: { kind: "added" },
      next: { position: 3, origin: "node", content: "Hello", revision: 1, final: false, createdAt: 1000 },
    });
  });

  test("[R3] may arrive for the first time at any revision", () => {
    expect(decide(null, row({ revision: 9, final: true }))).toMatchObject({
      outcome: "stored",
      next: { revision: 9, final: true },
    });
  });

  test("[F8] an append that does not start at 0 is behind, from 0", () => {
    expect(decide(null, row({ body: append(5, " there") }))).toEqual({ outcome: "behind", length: 0, revision: 0 });
  });

  test("[R4] a row of another session is rejected, whatever the row says", () => {
    expect(decide(null, row({ sessionId: otherSession }))).toMatchObject({ outcome: "rejected" });
  });
});

describe("a message that grows", () => {
  test("[R4] an append joins at the stored length and reports its growth", () => {
    const decision = decide(stored(row()), row({ revision: 2, body: append(5, " there") }));
    expect(decision).toMatchObject({
      outcome: "stored",
      change: { kind: "grown", offset: 5, text: " there" },
      next: { content: "Hello there", revision: 2, position: 3 },
    });
  });

  test("[F4] [F8] an append before or past the stored length is behind, with the length", () => {
    const before = stored(row(), row({ revision: 2, body: append(5, " there") }));
    expect(decide(before, row({ revision: 3, body: append(5, " there, you") }))).toEqual({
      outcome: "behind",
      length: 11,
      revision: 2,
    });
    expect(decide(before, row({ revision: 3, body: append(12, "!") }))).toEqual({
      outcome: "behind",
      length: 11,
      revision: 2,
    });
  });

  test("[F37] an append over other text than the stored one is a conflict", () => {
    expect(decide(stored(row()), row({ revision: 2, body: append(0, "Howdy, all") }))).toMatchObject({
      outcome: "conflict",
    });
  });

  test("a replacement takes the whole place, keeping position and creation", () => {
    const tool: ToolMetadata = {
      toolCallId: "t1",
      tool: "execute",
      title: "npm test",
      target: null,
      status: "running",
    };
    const first = stored(row({ role: "tool", kind: "tool", body: replace(""), toolMetadata: tool }));
    const decision = decideDelivery(
      first,
      row({
        role: "tool",
        kind: "tool",
        revision: 2,
        body: replace("ok"),
        toolMetadata: { ...tool, status: "success" },
        final: true,
      }),
      { session },
      { position: 99, createdAt: 99 },
    );
    expect(decision).toMatchObject({
      outcome: "stored",
      change: { kind: "replaced" },
      next: { content: "ok", toolMetadata: { status: "success" }, final: true, position: 3, createdAt: 1000 },
    });
  });

  test("[R3] [F4] the same revision again is a duplicate, as an append, a longer append or a replacement", () => {
    const before = stored(row(), row({ revision: 2, body: append(5, " there") }));
    for (const body of [append(5, " there"), append(0, "Hello there"), append(11, ""), replace("Hello there")]) {
      expect(decide(before, row({ revision: 2, body }))).toMatchObject({ outcome: "duplicate" });
    }
  });

  test("[R3] an older revision is a duplicate whatever it carries", () => {
    const before = stored(row(), row({ revision: 2, body: append(5, " there") }));
    expect(decide(before, row())).toMatchObject({ outcome: "duplicate", stored: { revision: 2 } });
  });

  test("the keys of tool metadata may come in any order", () => {
    const tool: ToolMetadata = {
      toolCallId: "t1",
      tool: "edit",
      title: "a",
      target: "a.ts",
      status: "success",
      diffs: [{ path: "a.ts", oldText: null, newText: "x" }],
    };
    const first = row({ role: "tool", kind: "tool", body: replace(""), toolMetadata: tool });
    const shuffled: ToolMetadata = {
      diffs: [{ newText: "x", oldText: null, path: "a.ts" }],
      status: "success",
      target: "a.ts",
      title: "a",
      tool: "edit",
      toolCallId: "t1",
    };
    expect(decide(stored(first), { ...first, toolMetadata: shuffled })).toMatchObject({ outcome: "duplicate" });
    for (const other of [
      { ...tool, exitCode: 0 },
      { ...tool, diffs: undefined },
      { ...tool, diffs: [] },
    ]) {
      expect(decide(stored(first), { ...first, toolMetadata: other })).toMatchObject({ outcome: "conflict" });
    }
  });
});

describe("conflicts and limits", () => {
  test.each<[string, Partial<DeliveredMessage>]>([
    ["other text", { body: append(0, "Hallo") }],
    ["shorter text", { body: append(0, "Hell") }],
    ["a part of the text", { body: append(2, "l") }],
    ["longer text", { body: append(0, "Hello!") }],
    ["text that starts past the stored one", { body: append(6, "!") }],
    ["another end", { final: true }],
    ["an interruption", { interrupted: true }],
    ["a cut", { truncated: { bytes: 9, sha256: "aa" } }],
    ["tool metadata", { toolMetadata: { toolCallId: "t", tool: "t", title: "t", target: null, status: "pending" } }],
  ])("[F37] the same revision with %s is a conflict", (_what, fields) => {
    expect(decide(stored(row()), row(fields))).toMatchObject({ outcome: "conflict" });
  });

  test("[F37] a final message never changes", () => {
    const done = stored(row({ final: true }));
    expect(decide(done, row({ revision: 2, body: append(5, "!") }))).toMatchObject({ outcome: "conflict" });
    expect(decide(done, row({ revision: 2, body: replace("other") }))).toMatchObject({ outcome: "conflict" });
  });

  test("[F37] [R4] an id of another session, role or kind is a conflict", () => {
    expect(decide({ ...stored(row()), sessionId: otherSession }, row())).toMatchObject({ outcome: "conflict" });
    expect(decide(stored(row()), row({ role: "user", revision: 2 }))).toMatchObject({ outcome: "conflict" });
    expect(decide(stored(row()), row({ kind: "thought", revision: 2 }))).toMatchObject({ outcome: "conflict" });
  });

  test("[security 5] [R7] a user message is rejected unless it repeats the stored one", () => {
    const prompt = { ...stored(row({ final: true })), role: "user", origin: "page" } as const;
    const repeated = row({ role: "user", final: true });
    expect(decide(prompt, repeated)).toMatchObject({ outcome: "duplicate" });
    expect(decide(prompt, { ...repeated, body: replace("other") })).toMatchObject({ outcome: "conflict" });
    expect(decide(prompt, { ...repeated, revision: 2, body: append(5, "!") })).toMatchObject({ outcome: "conflict" });
    for (const body of [append(0, "Hello"), append(5, "!"), replace("Do this instead")])
      expect(decide(null, row({ role: "user", body }))).toMatchObject({ outcome: "rejected", reason: /user message/ });
  });

  test("[security 5] [R3] a complete transcript takes no change, but a repeat is a duplicate", () => {
    const target = { session, isComplete: true };
    const done = stored(row({ final: true }));
    expect(decideDelivery(done, row({ final: true }), target, arrival)).toMatchObject({ outcome: "duplicate" });
    for (const [known, sent] of [
      [null, row()],
      [null, row({ body: append(5, "!") })],
      [stored(row()), row({ revision: 2, body: append(5, "!") })],
      [stored(row()), row({ revision: 2, body: append(9, "!") })],
    ] as const)
      expect(decideDelivery(known, sent, target, arrival)).toMatchObject({ outcome: "rejected", reason: /complete/ });
  });

  test("[F36] content is accepted up to the limit in bytes and rejected one byte later, whole or grown", () => {
    const full = "é".repeat(LIMITS.messageMaxContentBytes / 2);
    expect(decide(null, row({ body: replace(full) }))).toMatchObject({ outcome: "stored" });
    expect(decide(null, row({ body: replace(`${full}x`) }))).toMatchObject({ outcome: "rejected" });
    const growing = stored(row({ body: append(0, full) }));
    expect(decide(growing, row({ revision: 2, body: append(full.length, "x") }))).toMatchObject({
      outcome: "rejected",
    });
  });

  test("[F36] tool metadata over the limit is rejected", () => {
    const big = "x".repeat(LIMITS.toolMetadataMaxBytes - 200);
    expect(decide(null, row({ kind: "tool", role: "tool", toolMetadata: toolWith(big) }))).toMatchObject({
      outcome: "stored",
    });
    expect(
      decide(null, row({ kind: "tool", role: "tool", toolMetadata: toolWith(`${big}${"x".repeat(200)}`) })),
    ).toMatchObject({ outcome: "rejected" });
  });

  test("half a surrogate pair is rejected: the database could not keep it", () => {
    expect(decide(null, row({ body: replace("\ud83d") }))).toMatchObject({ outcome: "rejected" });
    expect(decide(null, row({ body: replace("😀") }))).toMatchObject({ outcome: "stored" });
  });
});

describe("rows as they come", () => {
  const fallback = { seq: 7, timestamp: "2026-11-22T12:00:00.000Z" };

  test("a plain message is a final, whole one", () => {
    const plain = { messageId: idOf(1), sessionId: session, role: "tool", content: "done" };
    expect(readDeliveredRow(plain, fallback)).toMatchObject({
      ok: true,
      value: { seq: 7, kind: "tool", revision: 1, final: true, body: replace("done"), timestamp: fallback.timestamp },
    });
  });

  test("[F35] a row that cannot be read keeps its id and says which field is wrong", () => {
    expect(readDeliveredRow({ ...row(), role: "robot" }, fallback)).toMatchObject({
      ok: false,
      error: { messageId: idOf(1), reason: expect.stringMatching(/^role: /) },
    });
    expect(readDeliveredRow({ messageId: idOf(1), content: 5 }, fallback)).toMatchObject({
      ok: false,
      error: { messageId: idOf(1) },
    });
    for (const junk of [null, 5, "x", [], {}, { messageId: 5 }]) {
      expect(readDeliveredRow(junk, fallback)).toMatchObject({ ok: false, error: { messageId: "" } });
    }
  });

  test("each decision has its answer", () => {
    expect(toDeliveryResult("a", decide(null, row()))).toEqual({
      messageId: "a",
      outcome: "stored",
      length: 5,
      revision: 1,
    });
    expect(toDeliveryResult("a", decide(stored(row()), row()))).toEqual({
      messageId: "a",
      outcome: "duplicate",
      length: 5,
      revision: 1,
    });
    expect(toDeliveryResult("a", decide(null, row({ body: append(2, "x") })))).toEqual({
      messageId: "a",
      outcome: "behind",
      length: 0,
      revision: 0,
    });
    expect(toDeliveryResult("a", decide(stored(row()), row({ final: true })))).toEqual({
      messageId: "a",
      outcome: "conflict",
      reason: expect.any(String),
    });
    expect(toDeliveryResult("a", decide(null, row({ sessionId: otherSession })))).toEqual({
      messageId: "a",
      outcome: "rejected",
      reason: expect.any(String),
    });
  });
});

/** A store that keeps every message in a map, in order of arrival. */
class MapStore {
  readonly messages = new Map<MessageId, StoredMessage>();

  deliver(rows: readonly DeliveredMessage[]): DeliveryResult[] {
    return rows.map((sent) => {
      const decision = decideDelivery(
        this.messages.get(sent.messageId) ?? null,
        sent,
        { session },
        { position: this.messages.size, createdAt: 0 },
      );
      if (decision.outcome === "stored") this.messages.set(sent.messageId, decision.next);
      return toDeliveryResult(sent.messageId, decision);
    });
  }
}

interface Said {
  readonly id: MessageId;
  readonly kind: "text" | "tool";
  content: string;
  revision: number;
  final: boolean;
  ackedLength: number;
  ackedRevision: number;
}

/** The plainest sender that the protocol allows: oldest first, appends from what was acknowledged, `behind` obeyed. */
class Sender {
  readonly said: Said[] = [];

  batch(size: number): DeliveredMessage[] {
    return this.said
      .filter((message) => message.ackedRevision < message.revision)
      .slice(0, size)
      .map((message) =>
        row({
          messageId: message.id,
          role: message.kind === "tool" ? "tool" : "assistant",
          kind: message.kind,
          revision: message.revision,
          final: message.final,
          body:
            message.kind === "tool"
              ? replace(message.content)
              : append(message.ackedLength, message.content.slice(message.ackedLength)),
        }),
      );
  }

  hear(results: readonly DeliveryResult[]): void {
    for (const result of results) {
      const message = this.said.find(({ id }) => id === result.messageId);
      if (message === undefined) continue;
      expect(["stored", "duplicate", "behind"]).toContain(result.outcome);
      message.ackedLength = result.length ?? 0;
      if (result.outcome !== "behind") message.ackedRevision = result.revision ?? 0;
    }
  }
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant("say" as const),
        kind: fc.constantFrom("text" as const, "tool" as const),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("grow" as const),
        which: fc.nat(7),
        text: fc.string({ unit: "grapheme", maxLength: 6 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("finish" as const), which: fc.nat(7) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant("send" as const),
        size: fc.integer({ min: 1, max: 5 }),
        fate: fc.constantFrom("whole" as const, "request lost" as const, "reply lost" as const, "twice" as const),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("old request arrives" as const), which: fc.nat(50) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("sender forgets" as const) }) },
  ),
  { maxLength: 60 },
);

describe("random growth, loss, repetition and delay", () => {
  test("[R3] [R4] [F4] [F5] [F8] the store ends as exactly what was said, in the order in which it was said", () => {
    fc.assert(
      fc.property(steps, (script) => {
        const store = new MapStore();
        const sender = new Sender();
        const onTheWay: DeliveredMessage[][] = [];
        for (const step of script) {
          switch (step.do) {
            case "say":
              sender.said.push({
                id: idOf(sender.said.length),
                kind: step.kind,
                content: "",
                revision: 1,
                final: false,
                ackedLength: 0,
                ackedRevision: 0,
              });
              break;
            case "grow": {
              const message = sender.said[step.which];
              if (message === undefined || message.final) break;
              message.content = message.kind === "tool" ? step.text : message.content + step.text;
              message.revision++;
              break;
            }
            case "finish": {
              const message = sender.said[step.which];
              if (message === undefined || message.final) break;
              message.final = true;
              message.revision++;
              break;
            }
            case "send": {
              const batch = sender.batch(step.size);
              onTheWay.push(batch);
              if (step.fate === "request lost") break;
              const results = store.deliver(batch);
              if (step.fate === "twice") store.deliver(batch);
              if (step.fate !== "reply lost") sender.hear(results);
              break;
            }
            case "old request arrives":
              store.deliver(onTheWay[step.which] ?? []);
              break;
            case "sender forgets":
              for (const message of sender.said) Object.assign(message, { ackedLength: 0, ackedRevision: 0 });
              break;
          }
          for (const { id, content, revision } of sender.said) {
            const kept = store.messages.get(id);
            if (kept?.revision === revision) expect(kept.content).toBe(content);
          }
        }
        for (let rounds = 0; sender.batch(1).length > 0; rounds++) {
          expect(rounds).toBeLessThan(100);
          sender.hear(store.deliver(sender.batch(4)));
        }
        const kept = [...store.messages.values()].map(({ messageId, position, content, revision, final }) => ({
          messageId,
          position,
          content,
          revision,
          final,
        }));
        const said = sender.said.map(({ id, content, revision, final }, position) => ({
          messageId: id,
          position,
          content,
          revision,
          final,
        }));
        expect(kept).toEqual(said);
        const repeated = onTheWay.flatMap((batch) => store.deliver(batch));
        expect(repeated.filter(({ outcome }) => outcome !== "duplicate")).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });
});
