/** Sessions through the HTTP door: who may read them, how they are paged, who may watch, and who may deliver. */
import { env } from "cloudflare:workers";
import { errorBody, LIMITS, messageView, page, sessionView, viewerEvent } from "@samovar/contracts";
import type { DeliveryReply, WorkspaceClaims } from "@samovar/contracts";
import { beforeAll, describe, expect, test, vi } from "vitest";
import * as z from "zod";
import { controlPlane, ids, ORIGIN, somebodyElse } from "../../test/caller.ts";
import { mintNodeToken, mintWorkspaceToken } from "../identity/machine-tokens.ts";

const { ask, setUp, deps } = controlPlane();
const messagesPage = z.object({ messages: z.array(messageView), session: sessionView });

let owner: { token: string };
let stranger: { token: string };
beforeAll(async () => {
  owner = { token: (await setUp()).apiToken };
  stranger = await somebodyElse();
});

async function project() {
  const made = await ask("/api/projects", { body: { name: "Tea", repoUrl: "https://example.test/tea.git" }, ...owner });
  const { id: projectId } = z.object({ id: z.custom<WorkspaceClaims["project"]>() }).parse(await made.json());
  const stub = env.PROJECT_DATA.getByName(projectId);
  const sessionId = ids.make("ses");
  const taskId = ids.make("tsk");
  await stub.createSession({
    projectId,
    sessionId,
    taskId,
    firstMessage: { messageId: ids.messageId(), text: "Fix the test" },
  });
  const claims: WorkspaceClaims = {
    workspace: ids.make("wsp"),
    project: projectId,
    session: sessionId,
    node: ids.make("nod"),
    epoch: 1,
  };
  const { token } = await mintWorkspaceToken(deps.config, claims, Date.now());
  const deliver = (body: unknown, as: string | undefined = token, workspace: string = claims.workspace) =>
    ask(`/api/workspaces/${workspace}/messages`, { body, token: as });
  return { projectId, stub, sessionId, taskId, claims, token, deliver, base: `/api/projects/${projectId}` };
}

const said = (sessionId: string, content = "Hello") => ({
  messageId: ids.messageId(),
  sessionId,
  role: "assistant",
  content,
});
const codeOf = async (response: Response) => errorBody.parse(await response.json()).error.code;

describe("sessions", () => {
  test("are listed, shown and filtered by task", async () => {
    const { base, sessionId, taskId } = await project();
    const list = async (query = "") =>
      page(sessionView).parse(await (await ask(`${base}/sessions${query}`, owner)).json());
    expect(await list()).toMatchObject({ items: [{ id: sessionId, taskId, topic: "Fix the test" }], nextCursor: null });
    expect((await list(`?taskId=${ids.make("tsk")}`)).items).toEqual([]);
    expect(sessionView.parse(await (await ask(`${base}/sessions/${sessionId}`, owner)).json())).toMatchObject({
      id: sessionId,
      status: "active",
    });
  });

  test("[R10] messages are read by position, as the CLI reads a whole transcript", async () => {
    const { base, sessionId, deliver } = await project();
    await deliver({ messages: Array.from({ length: 5 }, (_, i) => said(sessionId, `m${i}`)) });
    const read = async (query: string) =>
      messagesPage.parse(await (await ask(`${base}/sessions/${sessionId}/messages?${query}`, owner)).json());
    expect((await read("after=-1&limit=2")).messages.map(({ position }) => position)).toEqual([0, 1]);
    expect((await read("before=4&limit=2")).messages.map(({ position }) => position)).toEqual([2, 3]);
    expect(await read("")).toMatchObject({ session: { messageCount: 6, version: 6 }, messages: { length: 6 } });
    expect(await codeOf(await ask(`${base}/sessions/${sessionId}/messages?limit=${LIMITS.pageMax + 1}`, owner))).toBe(
      "invalid_request",
    );
  });

  test("what is not there, and what is somebody else's, is not found", async () => {
    const { base, sessionId } = await project();
    for (const path of [
      `${base}/sessions/${ids.make("ses")}`,
      `${base}/sessions/${ids.make("ses")}/messages`,
      `/api/projects/${ids.make("prj")}/sessions`,
    ]) {
      expect(await codeOf(await ask(path, owner))).toBe("not_found");
    }
    for (const path of ["/sessions", `/sessions/${sessionId}`, `/sessions/${sessionId}/messages`, "/ws"]) {
      expect(await codeOf(await ask(`${base}${path}`, stranger))).toBe("not_found");
    }
  });
});

describe("the viewers' socket", () => {
  const upgrade = { upgrade: "websocket" };

  test("[R27] carries what is delivered to who has a token", async () => {
    const { base, sessionId, deliver } = await project();
    const answer = await ask(`${base}/ws`, { ...owner, headers: upgrade });
    expect(answer.status).toBe(101);
    const socket = answer.webSocket;
    if (socket === null) throw new Error("no socket");
    const heard: string[] = [];
    socket.addEventListener("message", ({ data }) => void heard.push(viewerEvent.parse(JSON.parse(String(data))).type));
    socket.accept();
    socket.send(JSON.stringify({ type: "subscribe", sessionId, afterVersion: 0 }));
    await vi.waitFor(() => expect(heard).toEqual(["sync"]));
    await deliver({ messages: [said(sessionId)] });
    await vi.waitFor(() => expect(heard).toEqual(["sync", "message.new", "session.updated"]));
  });

  test("[S1] a browser comes from our own page, exactly; with a cookie it must say so", async () => {
    const { base } = await project();
    const watch = async (headers: Record<string, string>) =>
      (await ask(`${base}/ws`, { ...owner, headers: { ...upgrade, ...headers } })).status;
    expect(await watch({ origin: ORIGIN })).toBe(101);
    for (const origin of [
      "http://evil.test",
      `${ORIGIN}.evil.test`,
      `${ORIGIN}:81`,
      ORIGIN.replace("http", "https"),
      "null",
    ]) {
      expect(await watch({ origin })).toBe(403);
    }
    const link = await ask("/api/identity/links", { body: {}, ...owner });
    const { url } = z.object({ url: z.string() }).parse(await link.json());
    const redeemed = await ask("/api/identity/redeem", {
      body: { token: new URL(url).hash.slice(1) },
      headers: { origin: ORIGIN },
    });
    const cookie = redeemed.headers.get("set-cookie")?.split(";", 1)[0] ?? "";
    const asBrowser = async (headers: Record<string, string>) =>
      (await ask(`${base}/ws`, { headers: { ...upgrade, cookie, ...headers } })).status;
    expect(await asBrowser({ origin: ORIGIN })).toBe(101);
    expect(await asBrowser({})).toBe(403);
    expect(await asBrowser({ origin: "http://evil.test" })).toBe(403);
  });

  test("says what it is to a plain request, and nothing to the anonymous", async () => {
    const { base } = await project();
    expect(await codeOf(await ask(`${base}/ws`, owner))).toBe("upgrade_required");
    expect(await codeOf(await ask(`${base}/ws`, { headers: upgrade }))).toBe("unauthenticated");
    expect(await codeOf(await ask("/api/projects/nonsense/ws", { ...owner, headers: upgrade }))).toBe("not_found");
  });
});

describe("deliveries", () => {
  test("[R3] [F4] are stored with an outcome for each row, and again as duplicates", async () => {
    const { sessionId, deliver } = await project();
    const body = { messages: [said(sessionId), { nonsense: true }] };
    const first: DeliveryReply = await (await deliver(body)).json();
    expect(first).toMatchObject({
      persisted: 1,
      duplicates: 0,
      results: [{ outcome: "stored" }, { outcome: "rejected" }],
    });
    expect(await (await deliver(body)).json()).toMatchObject({ persisted: 0, duplicates: 1 });
  });

  test("[F38] [S1] need this workspace's own token, in date", async () => {
    const { sessionId, deliver, claims, token } = await project();
    const body = { messages: [said(sessionId)] };
    const old = await mintWorkspaceToken(deps.config, claims, Date.now() - 25 * 3_600_000);
    const node = await mintNodeToken(deps.config, { node: claims.node, epoch: 1 }, Date.now());
    for (const wrong of [undefined, "nonsense", old.token, node.token, owner.token]) {
      const answer = await ask(`/api/workspaces/${claims.workspace}/messages`, { body, token: wrong });
      expect(await codeOf(answer)).toBe("unauthenticated");
    }
    expect(await codeOf(await deliver(body, token, ids.make("wsp")))).toBe("forbidden");
  });

  test("[R4] one session's token stores nothing in another", async () => {
    const [mine, theirs] = [await project(), await project()];
    expect(await (await mine.deliver({ messages: [said(theirs.sessionId)] })).json()).toMatchObject({
      persisted: 0,
      results: [{ outcome: "rejected" }],
    });
    expect(await theirs.stub.getSession(theirs.sessionId)).toMatchObject({ messageCount: 1 });
  });

  test("too many bytes or rows are 413, so that the node splits them; nonsense is 400", async () => {
    const { sessionId, deliver } = await project();
    const padding = (bytes: number) => ({ messages: [{ ...said(sessionId), padding: "x".repeat(bytes) }] });
    const overhead = JSON.stringify(padding(0)).length;
    expect((await deliver(padding(LIMITS.deliveryMaxBytes - overhead))).status).toBe(200);
    expect(await codeOf(await deliver(padding(LIMITS.deliveryMaxBytes - overhead + 1)))).toBe("payload_too_large");
    const rows = (count: number) => ({ messages: Array.from({ length: count }, () => said(sessionId)) });
    expect((await deliver(rows(LIMITS.deliveryMaxMessages))).status).toBe(200);
    expect(await codeOf(await deliver(rows(LIMITS.deliveryMaxMessages + 1)))).toBe("payload_too_large");
    for (const body of [{ messages: [] }, {}, [], "{"])
      expect(await codeOf(await deliver(body))).toBe("invalid_request");
  });
});
