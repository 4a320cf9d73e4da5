/** ProjectData through its RPC interface in workerd: deliveries, sessions, digests, evictions. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { SessionId, WorkspaceId } from "@samovar/base";
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { sha256 } from "@samovar/base/sha256";
import type { DeliveredMessage, DeliveryReply, WorkspaceClaims } from "@samovar/contracts";
import { LIMITS } from "@samovar/contracts";
import { hashMessage, digestTranscript } from "@samovar/domain/transcript-digest";
import { describe, expect, test } from "vitest";
import type { Env } from "../../env.ts";
import type { ProjectData } from "./project-data.ts";

type Stub = ReturnType<Env["PROJECT_DATA"]["getByName"]>;

const ids = idSource(systemClock, systemRandom);
async function project() {
  const projectId = ids.make("prj");
  const stub = env.PROJECT_DATA.getByName(projectId);
  const sessionId = ids.make("ses");
  const taskId = ids.make("tsk");
  const workspaceId = ids.make("wsp");
  await stub.createSession({
    projectId,
    sessionId,
    taskId,
    firstMessage: { messageId: ids.messageId(), text: "Fix the test" },
  });
  const claims: WorkspaceClaims = {
    workspace: workspaceId,
    project: projectId,
    session: sessionId,
    node: ids.make("nod"),
    epoch: 1,
  };
  return { projectId, stub, sessionId, taskId, workspaceId, claims };
}

let seq = 0;
const row = (sessionId: SessionId, fields: Partial<DeliveredMessage> = {}): DeliveredMessage => ({
  messageId: ids.messageId(),
  sessionId,
  seq: ++seq,
  role: "assistant",
  kind: "text",
  revision: 1,
  body: { mode: "append", offset: 0, text: "Hello" },
  toolMetadata: null,
  final: false,
  interrupted: false,
  truncated: null,
  timestamp: new Date().toISOString(),
  ...fields,
});

const contents = async (stub: Stub, sessionId: SessionId) =>
  (await stub.listMessages(sessionId, { limit: 200 }))?.messages.map(({ content }) => content);

/** What a call across RPC fails with; awaiting it at once leaves no rejection behind. */
async function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return { answered: await call() };
  } catch (error) {
    return error;
  }
}

describe("a session in a list", () => {
  test("[R26] shows the agent's latest activity in its first words", async () => {
    const { stub, sessionId, claims } = await project();
    const activity = async () => (await stub.getSession(sessionId))?.activity;
    expect(await activity()).toBeNull();
    const text = row(sessionId, { body: { mode: "append", offset: 0, text: "I will look" } });
    await stub.deliver(claims, [text]);
    expect(await activity()).toBeNull();
    const more = " at the failing test first, then mend it.\nAnd so on.";
    await stub.deliver(claims, [
      { ...text, revision: 2, final: true, body: { mode: "append", offset: 11, text: more } },
    ]);
    expect(await activity()).toMatchObject({
      kind: "text",
      text: "I will look at the failing test first, then mend it.",
    });
    const tool = { toolCallId: "1", tool: "execute", title: "npm test", target: null, status: "running" } as const;
    await stub.deliver(claims, [
      row(sessionId, { role: "tool", kind: "tool", toolMetadata: tool, body: { mode: "replace", content: "" } }),
    ]);
    expect(await activity()).toMatchObject({ kind: "tool", text: "npm test" });
    await stub.addNotice(sessionId, ids.messageId(), "The workspace is kept.");
    expect(await activity()).toMatchObject({ text: "npm test" });
  });

  test("is found by words of its topic in any case, and by its status", async () => {
    const { stub, projectId, sessionId } = await project();
    const other = ids.make("ses");
    const firstMessage = { messageId: ids.messageId(), text: "100% of the samovar_s boil, ЧАЙ" };
    await stub.createSession({ projectId, sessionId: other, taskId: null, firstMessage });
    await stub.endSession(other, "stopped");
    const found = async (query: { q?: string; status?: "active" | "stopped" }) =>
      (await stub.listSessions({ ...query, limit: 9 })).items.map(({ id }) => id);
    expect(await found({ q: "THE TEST" })).toEqual([sessionId]);
    expect(await found({ q: "boil  sam" })).toEqual([other]);
    expect(await found({ q: "boil pot" })).toEqual([]);
    expect(await found({ q: "boil ".repeat(40).trim() })).toEqual([other]);
    expect(await found({ q: "чай" })).toEqual([other]);
    expect(await found({ q: "0% OF" })).toEqual([other]);
    expect(await found({ q: "samovar_s" })).toEqual([other]);
    expect(await found({ q: "samovarXs" })).toEqual([]);
    expect(await found({ q: "%" })).toEqual([other]);
    expect(await found({ status: "stopped" })).toEqual([other]);
    expect(await found({ status: "active", q: "boil" })).toEqual([]);
  });
});

describe("sessions", () => {
  test("[R11] a session starts with its first message, and creating it again changes nothing", async () => {
    const { stub, projectId, sessionId, taskId } = await project();
    const again = await stub.createSession({
      projectId,
      sessionId,
      taskId,
      firstMessage: { messageId: ids.messageId(), text: "again" },
    });
    expect(again).toMatchObject({
      id: sessionId,
      projectId,
      taskId,
      topic: "Fix the test",
      status: "active",
      version: 1,
      messageCount: 1,
    });
    expect(await stub.listMessages(sessionId, { limit: 10 })).toMatchObject({
      messages: [{ position: 0, role: "user", kind: "text", content: "Fix the test", final: true, revision: 1 }],
      session: { version: 1 },
    });
  });

  test("sessions are listed newest first, page by page, and by task", async () => {
    const { stub, projectId, sessionId, taskId } = await project();
    const clock = { now: () => Date.now() + 1000 };
    const later = idSource(clock, systemRandom).make("ses");
    await stub.createSession({ projectId, sessionId: later, taskId: null, firstMessage: null });
    const first = await stub.listSessions({ limit: 1 });
    expect(first.items.map(({ id }) => id)).toEqual([later]);
    const second = await stub.listSessions({ limit: 1, cursor: first.nextCursor ?? "" });
    expect(second).toMatchObject({ items: [{ id: sessionId }], nextCursor: null });
    expect((await stub.listSessions({ taskId, limit: 9 })).items.map(({ id }) => id)).toEqual([sessionId]);
  });

  test("[R9] a second workspace is refused while the first delivers, and takes over after the end", async () => {
    const { stub, sessionId, workspaceId, claims } = await project();
    const other = ids.make("wsp");
    await stub.linkWorkspace(sessionId, other);
    expect(await stub.linkWorkspace(sessionId, workspaceId)).toMatchObject({ workspaceId });
    await stub.deliver(claims, [row(sessionId)]);
    expect(await failureOf(() => stub.linkWorkspace(sessionId, other))).toMatchObject({
      name: "SamovarError",
      code: "conflict",
    });
    const ended = await stub.endSession(sessionId, "error");
    expect(ended).toMatchObject({ status: "error", endedAt: expect.any(Number) });
    expect(await stub.endSession(sessionId, "error")).toEqual(ended);
    expect(await stub.linkWorkspace(sessionId, other)).toMatchObject({
      workspaceId: other,
      status: "active",
      endedAt: null,
    });
  });

  test("a notice is added once, however often it is requested", async () => {
    const { stub, sessionId } = await project();
    const messageId = ids.messageId();
    await stub.addNotice(sessionId, messageId, "The workspace is kept.");
    await stub.addNotice(sessionId, messageId, "The workspace is kept.");
    expect(await stub.getSession(sessionId)).toMatchObject({ messageCount: 2, version: 2 });
    expect(await contents(stub, sessionId)).toEqual(["Fix the test", "The workspace is kept."]);
  });

  test("what does not exist is not_found, with its code, across the call", async () => {
    const { stub } = await project();
    const unknown = ids.make("ses");
    expect(await stub.getSession(unknown)).toBeNull();
    expect(await stub.listMessages(unknown, { limit: 1 })).toBeNull();
    const calls = [
      () => stub.linkWorkspace(unknown, ids.make("wsp")),
      () => stub.endSession(unknown, "stopped"),
      () => stub.addNotice(unknown, ids.messageId(), "x"),
      () => stub.digest(unknown),
    ];
    for (const call of calls) expect(await failureOf(call)).toMatchObject({ name: "SamovarError", code: "not_found" });
  });
});

describe("deliveries", () => {
  test("[R3] [R4] [F4] rows are stored in order, and a repeated batch is answered with duplicates", async () => {
    const { stub, sessionId, claims } = await project();
    const batch = [
      row(sessionId),
      row(sessionId, { kind: "thought", body: { mode: "replace", content: "hm" }, final: true }),
    ];
    expect(await stub.deliver(claims, batch)).toMatchObject({
      persisted: 2,
      duplicates: 0,
      results: [{ outcome: "stored", length: 5 }, { outcome: "stored" }],
    });
    expect(await stub.deliver(claims, batch)).toMatchObject({ persisted: 0, duplicates: 2 });
    expect(await contents(stub, sessionId)).toEqual(["Fix the test", "Hello", "hm"]);
    expect(await stub.getSession(sessionId)).toMatchObject({ version: 3, messageCount: 3 });
  });

  test("a message grows in one batch and over several, with all that it carries", async () => {
    const { stub, sessionId, claims } = await project();
    const first = row(sessionId);
    const toolMetadata = {
      toolCallId: "t1",
      tool: "edit",
      title: "Edit a.ts",
      target: "a.ts",
      status: "success",
      exitCode: null,
      diffs: [{ path: "a.ts", oldText: null, newText: "x\u0000y" }],
    } as const;
    const tool = row(sessionId, {
      role: "tool",
      kind: "tool",
      body: { mode: "replace", content: "out" },
      toolMetadata: { ...toolMetadata, diffs: [...toolMetadata.diffs] },
      final: true,
      truncated: { bytes: 9, sha256: "aa" },
      interrupted: true,
    });
    await stub.deliver(claims, [
      first,
      { ...first, revision: 2, body: { mode: "append", offset: 5, text: " 😀" } },
      tool,
    ]);
    await stub.deliver(claims, [
      { ...first, revision: 3, body: { mode: "append", offset: 8, text: "!" }, final: true },
    ]);
    const stored = (await stub.listMessages(sessionId, { limit: 9 }))?.messages.slice(1);
    expect(stored).toEqual([
      expect.objectContaining({ content: "Hello 😀!", revision: 3, final: true, position: 1 }),
      expect.objectContaining({
        content: "out",
        toolMetadata,
        truncated: { bytes: 9, sha256: "aa" },
        interrupted: true,
        final: true,
        position: 2,
      }),
    ]);
  });

  test("[R7] [F35] a poison row is rejected with its reason and its neighbours pass; plain messages are accepted", async () => {
    const { stub, sessionId, claims } = await project();
    const plain = { messageId: ids.messageId(), sessionId, role: "assistant", content: "plain" };
    const tooLong = row(sessionId, {
      body: { mode: "replace", content: "x".repeat(LIMITS.messageMaxContentBytes + 1) },
    });
    const reply = await stub.deliver(claims, [row(sessionId), { messageId: "m", role: 5 }, null, tooLong, plain]);
    expect(reply.results.map(({ outcome }) => outcome)).toEqual([
      "stored",
      "rejected",
      "rejected",
      "rejected",
      "stored",
    ]);
    expect(reply.results[1]).toMatchObject({ messageId: "m", reason: expect.any(String) });
    expect(await contents(stub, sessionId)).toEqual(["Fix the test", "Hello", "plain"]);
  });

  test("[R4] the session is the token's: other sessions, other projects and unknown ones are rejected", async () => {
    const { stub, sessionId, claims, projectId } = await project();
    const other = ids.make("ses");
    await stub.createSession({ projectId, sessionId: other, taskId: null, firstMessage: null });
    expect((await stub.deliver(claims, [row(other)])).results).toMatchObject([{ outcome: "rejected" }]);
    expect((await stub.deliver({ ...claims, project: ids.make("prj") }, [row(sessionId), null])).results).toMatchObject(
      [{ outcome: "rejected" }, { outcome: "rejected" }],
    );
    const shared = row(sessionId);
    await stub.deliver(claims, [shared]);
    expect(
      (await stub.deliver({ ...claims, session: other }, [{ ...shared, sessionId: other }])).results,
    ).toMatchObject([{ outcome: "conflict" }]);
    expect(await stub.getSession(other)).toMatchObject({ messageCount: 0, version: 0 });
  });

  test("[R10] rows of an ended session are accepted", async () => {
    const { stub, sessionId, claims } = await project();
    await stub.endSession(sessionId, "stopped");
    expect(await stub.deliver(claims, [row(sessionId)])).toMatchObject({ persisted: 1 });
  });

  test("[F30] what was growing when its session ended is marked as cut off; should the rest come after all, it is taken", async () => {
    const { stub, sessionId, claims } = await project();
    const growing = row(sessionId, { revision: 1, final: false, body: { mode: "replace", content: "Once" } });
    await stub.deliver(claims, [row(sessionId, { final: true }), growing]);
    const before = await stub.getSession(sessionId);
    const ended = await stub.endSession(sessionId, "error");
    expect(ended.version).toBe((before?.version ?? 0) + 1);
    const last = async () => (await stub.listMessages(sessionId, { limit: 9 }))?.messages.at(-1);
    expect(await last()).toMatchObject({ content: "Once", final: false, interrupted: true });

    expect((await stub.deliver(claims, [growing])).results).toMatchObject([{ outcome: "duplicate" }]);
    const more = { ...growing, revision: 2, body: { mode: "append", offset: 4, text: " upon" } };
    expect((await stub.deliver(claims, [more])).results).toMatchObject([{ outcome: "stored" }]);
    expect(await last()).toMatchObject({ content: "Once upon", final: false, interrupted: true });
    const whole = { ...growing, revision: 3, final: true, body: { mode: "append", offset: 9, text: " a time" } };
    expect((await stub.deliver(claims, [whole])).results).toMatchObject([{ outcome: "stored" }]);
    expect(await last()).toMatchObject({ content: "Once upon a time", final: true, interrupted: false });
  });

  test("[F18] a node's wrong clock moves no message out of its session's time", async () => {
    const { stub, sessionId, claims } = await project();
    const at = (shiftMs: number) => row(sessionId, { timestamp: new Date(Date.now() + shiftMs).toISOString() });
    await stub.deliver(claims, [at(3_600_000), at(-3_600_000)]);
    const page = await stub.listMessages(sessionId, { limit: 9 });
    for (const { createdAt } of page?.messages ?? []) {
      expect(createdAt).toBeGreaterThanOrEqual(page?.session.startedAt ?? Infinity);
      expect(createdAt).toBeLessThanOrEqual(Date.now());
    }
  });
});

describe("an object that dies", () => {
  test("[F9] [R21] evicted between deliveries, it goes on from its database alone", async () => {
    const { stub, sessionId, claims } = await project();
    const first = row(sessionId);
    await stub.deliver(claims, [first]);
    await evictDurableObject(stub);
    expect(
      await stub.deliver(claims, [first, { ...first, revision: 2, body: { mode: "append", offset: 5, text: "!" } }]),
    ).toMatchObject({ persisted: 1, duplicates: 1 });
    await evictDurableObject(stub);
    expect(await contents(stub, sessionId)).toEqual(["Fix the test", "Hello!"]);
    expect(await stub.getSession(sessionId)).toMatchObject({ version: 3, messageCount: 2 });
  });

  test("[F10] aborted inside a batch, it has all of the earlier ones and nothing of that one", async () => {
    const { stub, sessionId, claims, projectId } = await project();
    const kept = row(sessionId);
    await stub.deliver(claims, [kept]);
    const grown = { ...kept, revision: 2, body: { mode: "append", offset: 5, text: "!" } };
    const broken = runInDurableObject<ProjectData, DeliveryReply>(stub, (instance, state) => {
      const deadly = {
        ...row(sessionId),
        get messageId(): string {
          return state.abort("killed inside a batch") ?? "";
        },
      };
      return instance.deliver(claims, [grown, row(sessionId), deadly]);
    });
    await expect(broken).rejects.toThrow(/killed inside a batch/);
    const revived = env.PROJECT_DATA.getByName(projectId);
    expect(await contents(revived, sessionId)).toEqual(["Fix the test", "Hello"]);
    expect(await revived.getSession(sessionId)).toMatchObject({ version: 2, messageCount: 2 });
    expect(await revived.deliver(claims, [grown])).toMatchObject({ persisted: 1 });
    expect(await contents(revived, sessionId)).toEqual(["Fix the test", "Hello!"]);
  });
});

describe("history", () => {
  test("[R10] pages by position: the newest, before, after, between", async () => {
    const { stub, sessionId, claims } = await project();
    await stub.deliver(
      claims,
      Array.from({ length: 9 }, (_, i) => row(sessionId, { body: { mode: "replace", content: `m${i + 1}` } })),
    );
    const positions = async (query: { before?: number; after?: number; limit: number }) =>
      (await stub.listMessages(sessionId, query))?.messages.map(({ position }) => position);
    expect(await positions({ limit: 3 })).toEqual([7, 8, 9]);
    expect(await positions({ before: 7, limit: 3 })).toEqual([4, 5, 6]);
    expect(await positions({ before: 1, limit: 3 })).toEqual([0]);
    expect(await positions({ after: -1, limit: 2 })).toEqual([0, 1]);
    expect(await positions({ after: 7, limit: 5 })).toEqual([8, 9]);
    expect(await positions({ after: 2, before: 5, limit: 5 })).toEqual([3, 4]);
    expect(await positions({ after: 9, limit: 5 })).toEqual([]);
  });

  test("[R41] a page of long messages is shorter than asked for, and goes on where it ended", async () => {
    const { stub, sessionId, claims } = await project();
    const long = "x".repeat(LIMITS.messageMaxContentBytes);
    for (let i = 0; i < 5; i++) {
      await stub.deliver(
        claims,
        Array.from({ length: 10 }, () => row(sessionId, { body: { mode: "replace", content: long } })),
      );
    }
    const seen: number[] = [];
    for (let after = -1; ; after = seen.at(-1) ?? 0) {
      const page = await stub.listMessages(sessionId, { after, limit: 200 });
      if (page === null || page.messages.length === 0) break;
      expect(page.messages.length).toBeLessThan(45);
      seen.push(...page.messages.map(({ position }) => position));
    }
    expect(seen).toEqual(Array.from({ length: 51 }, (_, position) => position));
    expect((await stub.listMessages(sessionId, { limit: 200 }))?.messages.at(-1)?.position).toBe(50);
  });
});

const said = (fields: DeliveredMessage) => ({
  messageId: fields.messageId,
  role: fields.role,
  kind: fields.kind,
  content: fields.body.mode === "append" ? fields.body.text : fields.body.content,
  toolMetadata: fields.toolMetadata,
  interrupted: fields.interrupted,
  truncated: fields.truncated,
});

const digest = (...rows: DeliveredMessage[]) =>
  digestTranscript(
    rows.map((each) => hashMessage(said(each), sha256)),
    sha256,
  );

describe("the transcript digest", () => {
  test("[R3] the node's digest equals the store's, whatever the page adds in between", async () => {
    const { stub, sessionId, claims, workspaceId } = await project();
    await stub.linkWorkspace(sessionId, workspaceId);
    const metadata = {
      toolCallId: "t",
      tool: "execute",
      title: "npm test",
      target: null,
      status: "success",
      output: "é\u0000\u001b[31mred",
      exitCode: 0,
    } as const;
    const rows = [
      row(sessionId, { final: true, body: { mode: "append", offset: 0, text: "tab\t nul\u0000 end 😀" } }),
      row(sessionId, {
        role: "tool",
        kind: "tool",
        body: { mode: "replace", content: "" },
        toolMetadata: metadata,
        final: true,
      }),
      row(sessionId, { final: true, interrupted: true }),
    ];
    await stub.deliver(claims, rows.slice(0, 2));
    await stub.addNotice(sessionId, ids.messageId(), "between");
    await stub.deliver(claims, rows.slice(2));
    const claimed = digestTranscript(
      rows.map((each) => hashMessage(said(each), sha256)),
      sha256,
    );
    expect(await stub.verify(sessionId, claimed)).toEqual({ agreed: true, claimed, stored: claimed });
    expect(await stub.digest(sessionId)).toEqual(claimed);
  });

  test("reveals a missing, an unfinished, a swapped and a changed message", async () => {
    const { stub, sessionId, claims } = await project();
    const [a, b, missing] = [
      row(sessionId, { final: true }),
      row(sessionId, { final: true }),
      row(sessionId, { final: true }),
    ];
    await stub.deliver(claims, [a, b, row(sessionId)]);
    expect(await stub.verify(sessionId, digest(a, b))).toMatchObject({ agreed: true });
    expect(await stub.verify(sessionId, digest(a, b, missing))).toMatchObject({ agreed: false, stored: { count: 2 } });
    expect(await stub.verify(sessionId, digest(b, a))).toMatchObject({ agreed: false });
    expect(await stub.verify(sessionId, digest(a, { ...b, interrupted: true }))).toMatchObject({ agreed: false });
  });

  test("[R16] after another workspace took over, the digest covers that one's messages", async () => {
    const { stub, sessionId, claims, workspaceId } = await project();
    await stub.linkWorkspace(sessionId, workspaceId);
    await stub.deliver(claims, [row(sessionId, { final: true })]);
    await stub.endSession(sessionId, "error");
    const second: WorkspaceId = ids.make("wsp");
    await stub.linkWorkspace(sessionId, second);
    const said2 = row(sessionId, { final: true });
    await stub.deliver({ ...claims, workspace: second }, [said2]);
    expect(await stub.verify(sessionId, digestTranscript([hashMessage(said(said2), sha256)], sha256))).toMatchObject({
      agreed: true,
    });
  });
});
