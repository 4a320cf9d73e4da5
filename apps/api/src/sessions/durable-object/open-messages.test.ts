/** What a session shows while its messages are open: their growth is in their rows only. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { MessageId } from "@samovar/base";
import type { DeliveredMessage } from "@samovar/contracts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ids } from "../../../test/caller.ts";
import { migrateObject } from "../../database/migrate-object.ts";
import { passTime, stopClock } from "../../nodes/durable-object/node.testing.ts";
import { PROJECT_MIGRATIONS } from "./migrations.ts";
import { syncFrames } from "./pages.ts";
import { ProjectStorage } from "./storage.ts";

beforeEach(stopClock);
afterEach(() => vi.restoreAllMocks());

async function aSession() {
  const [projectId, id] = [ids.make("prj"), ids.make("ses")];
  const stub = env.PROJECT_DATA.getByName(projectId);
  await stub.createSession({ projectId, sessionId: id, taskId: null, firstMessage: null });
  const claims = { workspace: ids.make("wsp"), project: projectId, session: id, node: ids.make("nod"), epoch: 1 };
  const grow = async (messageId: MessageId, revision: number, final = false) => {
    passTime(1_000);
    const row: DeliveredMessage = {
      messageId,
      sessionId: id,
      seq: 1,
      role: "assistant",
      kind: "text",
      revision,
      body: { mode: "append", offset: revision - 1, text: "x" },
      toolMetadata: null,
      final,
      interrupted: false,
      truncated: null,
      timestamp: new Date(Date.now()).toISOString(),
    };
    expect((await stub.deliver(claims, [row])).results).toMatchObject([{ outcome: "stored" }]);
    return Date.now();
  };
  const changesAfter = (version: number) =>
    runInDurableObject(stub, (_object, { storage }) => {
      const project = new ProjectStorage(storage);
      const session = project.session(id);
      if (session === null) throw new Error("no session");
      return [...syncFrames(project, session, version)].flatMap((event) =>
        event.type === "sync" ? event.messages.map(({ messageId }) => messageId) : [],
      );
    });
  return { stub, id, grow, changesAfter };
}

describe("a session with open messages", () => {
  it("[R4] [F9] counts each growth in its version and time, alone, in lists and after an eviction", async () => {
    const { stub, id, grow } = await aSession();
    const [first, second] = [ids.messageId(), ids.messageId()];
    await grow(first, 1);
    await grow(second, 1);
    await grow(first, 2);
    const at = await grow(first, 3);
    const expected = { version: 4, messageCount: 2, lastMessageAt: at };
    expect(await stub.getSession(id)).toMatchObject(expected);
    await evictDurableObject(stub);
    expect((await stub.listSessions({ limit: 5 })).items).toMatchObject([expected]);
    expect((await stub.listMessages(id, { limit: 5 }))?.session).toMatchObject(expected);
  });

  it("[R4] never goes back: not when a message becomes final, nor when the session ends, nor when its late end arrives", async () => {
    const { stub, id, grow } = await aSession();
    const [first, second] = [ids.messageId(), ids.messageId()];
    const versions: number[] = [];
    const look = async () => versions.push((await stub.getSession(id))?.version ?? -1);
    await grow(first, 1).then(look);
    await grow(second, 1).then(look);
    await grow(second, 2).then(look);
    await grow(first, 2, true).then(look);
    await grow(second, 3).then(look);
    await stub.endSession(id, "error");
    await look();
    await grow(second, 4).then(look);
    await grow(second, 5, true).then(look);
    expect(versions).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("[R27] a viewer that reconnects receives exactly what changed, open or final", async () => {
    const { grow, changesAfter } = await aSession();
    const [first, second, third] = [ids.messageId(), ids.messageId(), ids.messageId()];
    await grow(first, 1, true);
    await grow(second, 1);
    await grow(third, 1, true);
    await grow(second, 2);
    expect(await changesAfter(0)).toEqual([first, second, third]);
    expect(await changesAfter(2)).toEqual([second, third]);
    expect(await changesAfter(3)).toEqual([second]);
    await grow(second, 3, true);
    expect(await changesAfter(4)).toEqual([second]);
    expect(await changesAfter(5)).toEqual([]);
  });

  it("reads the finished messages in order without sorting them, and changes by their indexes", async () => {
    const { stub } = await aSession();
    await runInDurableObject(stub, (_object, { storage }) => {
      const plan = (query: string) =>
        storage.sql
          .exec<{ detail: string }>(`EXPLAIN QUERY PLAN ${query}`)
          .toArray()
          .map(({ detail }) => detail)
          .join("\n");
      const queries: string[] = [];
      const exec = vi.spyOn(Object.getPrototypeOf(storage.sql), "exec").mockImplementation((query) => {
        queries.push(String(query));
        return { toArray: () => [], [Symbol.iterator]: () => [][Symbol.iterator]() };
      });
      const project = new ProjectStorage(storage);
      const [session, workspace] = [ids.make("ses"), ids.make("wsp")];
      expect([...project.delivered(session, workspace)]).toEqual([]);
      project.changes(session, 1);
      project.open(session);
      exec.mockRestore();
      const [delivered, changes, open] = queries.map((query) => plan(query.replaceAll(/\?\d?/g, "'x'")));
      expect(delivered).toContain("messages_position");
      expect(delivered).not.toContain("TEMP B-TREE");
      expect(changes).toContain("messages_changes");
      expect(changes).toContain("messages_open");
      expect(open).toContain("messages_open");
    });
  });
});

it("[F12] an object of an earlier version keeps its versions and times, and its open message goes on", async () => {
  const { stub } = await aSession();
  await runInDurableObject(stub, (_object, { storage }) => {
    for (const table of [
      "message_search",
      "bundle_chunks",
      "bundles",
      "deliverers",
      "messages",
      "sessions",
      "migrations",
    ])
      storage.sql.exec(`DROP TABLE ${table}`);
    migrateObject(storage, PROJECT_MIGRATIONS.slice(0, 2));
    const [session, message] = [ids.make("ses"), ids.messageId()];
    storage.sql.exec(
      `INSERT INTO sessions (id, project_id, status, version, message_count, last_message_at, started_at)
       VALUES (?, ?, 'active', 7, 1, 5000, 1000)`,
      session,
      ids.make("prj"),
    );
    storage.sql.exec(
      `INSERT INTO messages (id, session_id, position, changed_at_version, size, origin, role, kind, revision, final,
       interrupted, created_at, content) VALUES (?, ?, 0, 7, 1, 'node', 'assistant', 'text', 1, 0, 0, 1000, 'a')`,
      message,
      session,
    );
    migrateObject(storage, PROJECT_MIGRATIONS);
    const project = new ProjectStorage(storage);
    expect(project.session(session)).toMatchObject({ version: 7, messageCount: 1, lastMessageAt: 5000 });
    const before = project.message(message);
    if (before === null) return expect.fail("the message is gone");
    project.updateMessage({ ...before, content: "ab", revision: 2 }, { version: 8, at: 6000, workspaceId: null });
    expect(project.session(session)).toMatchObject({ version: 8, lastMessageAt: 6000 });
    expect(project.changes(session, 7)).toMatchObject([{ position: 0 }]);
  });
});
