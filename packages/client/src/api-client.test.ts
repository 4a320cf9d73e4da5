/** The typed routes over a port that records what it is asked for. How a call travels is the port's matter. */
import { idSource, systemClock, systemRandom } from "@samovar/base";
import { aMessageView, aSessionView } from "@samovar/testing";
import { expect, it } from "vitest";
import type { ApiCall } from "./api-call.ts";
import { ApiClient, type ApiPort, type Extent } from "./api-client.ts";

const ids = idSource(systemClock, systemRandom);
const [prj, tsk, ses, nod, wsp] = [ids.make("prj"), ids.make("tsk"), ids.make("ses"), ids.make("nod"), ids.make("wsp")];
const [tok, sgn] = [ids.make("tok"), ids.make("sgn")];

interface Asked {
  readonly path: string;
  readonly call: ApiCall;
  readonly extent: Extent;
}

/** Answers call after call with the given values, the last one again and again. */
function record(...answers: unknown[]) {
  const asked: Asked[] = [];
  const port: ApiPort = {
    async call(path, _schema, call, extent) {
      asked.push({ path, call, extent });
      return (answers.length > 1 ? answers.shift() : answers[0]) as never;
    },
    async download(path, maxBytes) {
      asked.push({ path, call: {}, extent: {} });
      return new Uint8Array(Math.min(maxBytes, 3));
    },
    toError: (message) => new RangeError(message),
  };
  return { asked, client: new ApiClient(port, systemRandom) };
}

const lines = (asked: readonly Asked[]) => asked.map(({ path, call: { method = "GET" } }) => `${method} ${path}`);
const EMPTY = { items: [], nextCursor: null };
const TASK = `/api/projects/${prj}/tasks/${tsk}`;

it.each<[string, (client: ApiClient) => Promise<unknown>, unknown?]>([
  ["POST /api/identity/setup", (client) => client.setup()],
  ["POST /api/identity/links", (client) => client.createLink()],
  ["GET /api/me", (client) => client.me()],
  ["GET /api/tokens?limit=200", (client) => client.apiTokens(), EMPTY],
  ["POST /api/tokens", (client) => client.createApiToken({ name: "x" })],
  [`DELETE /api/tokens/${tok}`, (client) => client.revokeApiToken(tok), null],
  ["GET /api/sign-in-sessions?limit=200", (client) => client.signInSessions(), EMPTY],
  [`DELETE /api/sign-in-sessions/${sgn}`, (client) => client.endSignInSession(sgn), null],
  ["POST /api/identity/sign-out-others", (client) => client.signOutOthers()],
  ["GET /api/audit-log?limit=7", (client) => client.auditLog(7), EMPTY],
  ["GET /api/credentials?limit=200", (client) => client.credentials(), EMPTY],
  [
    "PUT /api/credentials/agent%3Ascript",
    (client) => client.putCredential({ kind: "agent", agent: "script", env: {} }),
  ],
  ["DELETE /api/credentials/github", (client) => client.removeCredential("github"), null],
  ["POST /api/credentials/github/validate", (client) => client.checkCredential("github")],
  ["GET /api/agents?limit=200", (client) => client.agents(), EMPTY],
  ["DELETE /api/agents/mine", (client) => client.removeAgent("mine"), null],
  ["GET /api/nodes?limit=200", (client) => client.nodes(), EMPTY],
  [`GET /api/nodes/${nod}`, (client) => client.node(nod)],
  ["GET /api/workspaces?state=ready&limit=200", (client) => client.workspaces("ready"), EMPTY],
  ["GET /api/workspaces?limit=200", (client) => client.workspaces(), EMPTY],
  [`GET /api/workspaces/${wsp}`, (client) => client.workspace(wsp)],
  [`GET /api/workspaces/${wsp}/diff`, (client) => client.readWorkspaceDiff(wsp)],
  [`POST /api/workspaces/${wsp}/extend`, (client) => client.extendWorkspace(wsp, 1)],
  [`POST /api/workspaces/${wsp}/destroy`, (client) => client.destroyWorkspace(wsp)],
  ["GET /api/projects?limit=200", (client) => client.projects(), EMPTY],
  [`GET /api/projects/${prj}/tasks?limit=200`, (client) => client.tasks(prj), EMPTY],
  [`GET ${TASK}`, (client) => client.task(prj, tsk)],
  [`PATCH ${TASK}`, (client) => client.patchTask(prj, tsk, { priority: 1 })],
  [`POST ${TASK}/cancel`, (client) => client.cancelTask(prj, tsk)],
  [`POST ${TASK}/retry`, (client) => client.retryTask(prj, tsk)],
  [`POST ${TASK}/run`, (client) => client.runTask(prj, tsk)],
  [`GET ${TASK}/bundle`, (client) => client.bundle(prj, tsk)],
  [`GET ${TASK}/events?limit=200`, (client) => client.taskEvents(prj, tsk), EMPTY],
  [`GET ${TASK}/verification`, (client) => client.verification(prj, tsk)],
  [`GET /api/projects/${prj}/sessions?limit=200`, (client) => client.sessions(prj), EMPTY],
  [`GET /api/projects/${prj}/sessions/${ses}`, (client) => client.session(prj, ses)],
])("calls %s", async (line, work, answer = {}) => {
  const { client, asked } = record(answer);
  await work(client);
  expect(lines(asked)).toEqual([line]);
});

it("gives each POST and PATCH, and no other request, a unique idempotency key", async () => {
  const { client, asked } = record({});
  await client.cancelTask(prj, tsk);
  await client.cancelTask(prj, tsk);
  await client.patchTask(prj, tsk, { priority: 1 });
  await client.me();
  const keys = asked.map(({ call }) => call.idempotencyKey);
  expect(new Set(keys).size).toBe(4);
  expect(keys[3]).toBeUndefined();
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
});

it("says of which calls Samovar asks others before it answers", async () => {
  const { client, asked } = record({});
  await client.checkCredential("github");
  await client.readWorkspaceDiff(wsp);
  await client.me();
  expect(asked.map(({ extent }) => extent.takesLong ?? false)).toEqual([true, true, false]);
});

it("reads every page of a list", async () => {
  const { client, asked } = record({ items: [1], nextCursor: "next" }, { items: [2], nextCursor: null });
  expect(await client.nodes()).toEqual([1, 2]);
  expect(asked[1]?.path).toBe("/api/nodes?limit=200&cursor=next");
});

it("reads a transcript from its newest page back to its first message", async () => {
  const session = aSessionView({});
  const [first, second] = [0, 1].map((position) => aMessageView({ position, sessionId: session.id }));
  const { client, asked } = record({ session, messages: [second] }, { session, messages: [first] });
  expect(await client.messages(prj, ses)).toEqual([first, second]);
  expect(asked[1]?.path).toMatch(/before=1$/);
});

it("gives up on a transcript whose pages do not lead back to its first message, with the client's own error", async () => {
  const session = aSessionView({});
  const { client } = record({ session, messages: [aMessageView({ position: 8, sessionId: session.id })] });
  await expect(client.messages(prj, ses)).rejects.toThrow(RangeError);
});
