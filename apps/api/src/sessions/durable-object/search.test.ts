/** Search over a project's messages: those that are final, those that still grow, and those of an earlier release. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { MessageId, ProjectId } from "@samovar/base";
import type { DeliveredMessage, SearchPage, SearchRequest } from "@samovar/contracts";
import { searchPage } from "@samovar/contracts";
import { describe, expect, it, vi } from "vitest";
import { controlPlane, ids, tokenOf } from "../../../test/caller.ts";
import { aHolder, anOwner } from "../../nodes/durable-object/node.testing.ts";
import { fillSession } from "./search.testing.ts";

async function aSession(projectId: ProjectId = ids.make("prj")) {
  const sessionId = ids.make("ses");
  const stub = env.PROJECT_DATA.getByName(projectId);
  await stub.createSession({
    projectId,
    sessionId,
    taskId: null,
    firstMessage: { messageId: ids.messageId(), text: "Please brew some tea" },
  });
  const claims = {
    workspace: ids.make("wsp"),
    project: projectId,
    session: sessionId,
    node: ids.make("nod"),
    epoch: 1,
  };
  const deliver = async (fields: Partial<DeliveredMessage> & { readonly text: string; readonly offset?: number }) => {
    const { text, offset = 0, ...rest } = fields;
    const row: DeliveredMessage = {
      messageId: ids.messageId(),
      sessionId,
      seq: 1,
      role: "assistant",
      kind: "text",
      revision: 1,
      body: { mode: "append", offset, text },
      toolMetadata: null,
      final: true,
      interrupted: false,
      truncated: null,
      timestamp: new Date().toISOString(),
      ...rest,
    };
    expect((await stub.deliver(claims, [row])).results).toMatchObject([{ outcome: "stored" }]);
    return row.messageId;
  };
  const search = (q: string, fields: Partial<SearchRequest> = {}) =>
    stub.search({ q, order: "newest", limit: 20, ...fields });
  const find = async (q: string, fields: Partial<SearchRequest> = {}): Promise<MessageId[]> =>
    (await search(q, fields)).items.map(({ messageId }) => messageId);
  return { stub, projectId, sessionId, deliver, search, find };
}

const countIndexed = (stub: Awaited<ReturnType<typeof aSession>>["stub"]) =>
  runInDurableObject(stub, (_object, { storage }) =>
    storage.sql.exec("SELECT count(*) AS n FROM message_search_data").one(),
  );

describe("a search", () => {
  it("[R47] finds a word in a message that still grows, without indexing it, and once when it is final", async () => {
    const { stub, sessionId, deliver, search, find } = await aSession();
    const messageId = await deliver({ text: "The samovar ", final: false });
    await find("nothing");
    const before = await countIndexed(stub);
    await deliver({ messageId, revision: 2, offset: 12, text: "is heating ", final: false });
    expect(await search("heating")).toEqual({
      items: [
        {
          sessionId,
          taskId: null,
          topic: "Please brew some tea",
          messageId,
          position: 1,
          role: "assistant",
          kind: "text",
          createdAt: expect.any(Number),
          snippet: {
            text: "The samovar is heating ",
            highlights: [{ start: 15, end: 22 }],
            isCutBefore: false,
            isCutAfter: false,
          },
        },
      ],
      nextCursor: null,
      complete: true,
    });
    expect(await countIndexed(stub)).toEqual(before);
    await deliver({ messageId, revision: 3, offset: 23, text: "up" });
    expect(await find("heating up")).toEqual([messageId]);
    expect(await find("samovar")).toEqual([messageId]);
  });

  it("[R47] finds what was open when its session ended, and its late end", async () => {
    const { stub, sessionId, deliver, find } = await aSession();
    const messageId = await deliver({ text: "Half a ", final: false });
    await stub.endSession(sessionId, "error");
    expect(await find("half")).toEqual([messageId]);
    await deliver({ messageId, revision: 2, offset: 7, text: "sentence" });
    expect(await find("half sentence")).toEqual([messageId]);
  });

  it("[R47] matches words in any order and case, parts of names, and the beginning of the last word", async () => {
    const { deliver, find } = await aSession();
    const first = await deliver({ text: "Called read_config() in naïve mode" });
    expect(await find("MODE read_config")).toEqual([first]);
    expect(await find("naive mo")).toEqual([first]);
    expect(await find("mo naive")).toEqual([]);
    expect(await find("config_read")).toEqual([]);
  });

  it("[R47] takes no syntax of SQLite from what was typed", async () => {
    const { deliver, find } = await aSession();
    const first = await deliver({ text: "alpha OR beta" });
    await deliver({ text: "alpha" });
    for (const typed of ['alpha" OR "beta', "alpha OR beta", "alpha* OR beta*", "(alpha) OR ^beta"])
      expect(await find(typed)).toEqual([first]);
    for (const typed of ["role:user", "NEAR(alpha beta)", "alpha NOT beta", "text : alpha", "'; DROP TABLE messages"])
      expect(await find(typed)).toEqual([]);
  });

  it("[R47] keeps to a role, also for messages that still grow", async () => {
    const { deliver, find } = await aSession();
    const said = await deliver({ text: "tea is ready" });
    const growing = await deliver({ text: "more tea", final: false });
    expect(await find("tea", { role: "assistant" })).toEqual([growing, said]);
    expect(await find("tea", { role: "user" })).toHaveLength(1);
    expect(await find("tea", { role: "tool" })).toEqual([]);
    // The name of a role is no word of a message.
    expect(await find("assistant")).toEqual([]);
  });

  it.each(["newest", "best"] as const)("[R47] pages %s first: all once, while more arrive", async (order) => {
    const { deliver, search } = await aSession();
    const expected: MessageId[] = [];
    for (let n = 0; n < 23; n++)
      expected.push(await deliver({ text: `coffee ${"coffee ".repeat(n % 5)}${n}`, final: n % 4 !== 0 }));
    const found: MessageId[] = [];
    let cursor: string | null = null;
    do {
      const page: SearchPage = await search("coffee", { order, limit: 5, ...(cursor === null ? {} : { cursor }) });
      found.push(...page.items.map(({ messageId }) => messageId));
      cursor = page.nextCursor;
      await deliver({ text: "coffee later" });
    } while (cursor !== null);
    if (order === "newest") expect(found).toEqual(expected.toReversed());
    else expect(found.toSorted()).toEqual(expected.toSorted());
  });

  it("[R47] puts the best first when asked to", async () => {
    const { deliver, find } = await aSession();
    const best = await deliver({ text: "green tea, green tea" });
    const far = await deliver({ text: `green ${"lorem ".repeat(100)} tea` });
    expect(await find("green tea")).toEqual([far, best]);
    expect(await find("green tea", { order: "best" })).toEqual([best, far]);
  });

  it("[R47] indexes final messages by the alarm, without a search", async () => {
    const { stub, deliver } = await aSession();
    const before = await countIndexed(stub);
    await deliver({ text: "tea" });
    expect(await countIndexed(stub)).toEqual(before);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await countIndexed(stub)).not.toEqual(before);
  });
});

describe("the messages of an earlier release", () => {
  it("[R47] are indexed in bounded steps: the answer says that it is incomplete, and finds new ones meanwhile", async () => {
    const { stub, deliver, search } = await aSession();
    await runInDurableObject(stub, (_object, { storage }) => fillSession(storage, { messages: 5_000, every: 1_000 }));
    const said = await deliver({ text: "said just now: marker" });
    const first = await search("marker");
    expect(first.complete).toBe(false);
    expect(first.items[0]?.messageId).toBe(said);
    expect(first.items.length).toBeLessThan(6);
    // The object indexes the rest by alarms of its own.
    await vi.waitFor(async () => {
      await runDurableObjectAlarm(stub);
      expect((await search("marker")).complete).toBe(true);
    });
    expect((await search("marker")).items).toHaveLength(6);
  });
});

describe("GET /api/projects/{projectId}/search", () => {
  const ask = async (query: string, projectId?: ProjectId, token?: string) => {
    const ownerId = await anOwner();
    const holder = await aHolder(ownerId);
    const path = `/api/projects/${projectId ?? holder.projectId}/search?${query}`;
    const response = await controlPlane().ask(path, { token: token ?? (await tokenOf(ownerId)) });
    return { status: response.status, body: await response.json() };
  };

  it("[R47] answers with a page", async () => {
    const { status, body } = await ask("q=tea&order=best&role=user&limit=50");
    expect(status).toBe(200);
    expect(searchPage.parse(body)).toEqual({ items: [], nextCursor: null, complete: true });
  });

  it.each([
    ["nothing to search for", ""],
    ["blanks", "q=%20%20"],
    ["punctuation", "q=%3F%21"],
    ["seventeen words", `q=${"a+".repeat(17)}`],
    ["more than 200 characters", `q=${"a".repeat(201)}`],
    ["an unknown role", "q=a&role=root"],
    ["an unknown order", "q=a&order=oldest"],
    ["a page that is too long", "q=a&limit=51"],
    ["an unknown cursor", "q=a&cursor=x%27"],
  ])("[R47] refuses %s", async (_what, query) => {
    expect(await ask(query)).toMatchObject({ status: 400, body: { error: { code: "invalid_request" } } });
  });

  it("[R47] does not show another person's messages", async () => {
    const { projectId } = await aSession();
    expect(await ask("q=tea", projectId)).toMatchObject({ status: 404, body: { error: { code: "not_found" } } });
  });
});
