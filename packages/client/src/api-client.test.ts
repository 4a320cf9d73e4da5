/** The client over a function that writes down what it is to send. How a call travels is that function's matter. */
import { idSource, systemClock, systemRandom, uuid } from "@samovar/base";
import { expect, it } from "vitest";
import * as z from "zod";
import type { ApiCall } from "./api-call.ts";
import { ApiClient, toPath } from "./api-client.ts";

const ids = idSource(systemClock, systemRandom);
const [projectId, taskId, nodeId] = [ids.make("prj"), ids.make("tsk"), ids.make("nod")];
const anything = z.unknown();
const numbers = z.object({ items: z.array(z.number()), nextCursor: z.string().nullable() });

interface Asked {
  readonly path: string;
  readonly call: ApiCall;
  readonly options: string | undefined;
}

/** Answers call after call with the given values, the last one again and again. */
function record(...answers: unknown[]) {
  const asked: Asked[] = [];
  const client = new ApiClient<string>(
    async (path, schema, call, options) => {
      asked.push({ path, call, options });
      const parsed = schema.safeParse(answers.length > 1 ? answers.shift() : answers[0]);
      if (!parsed.success) throw new RangeError("another shape");
      return parsed.data;
    },
    () => uuid(systemRandom),
  );
  return { asked, client };
}

it("fills the path's parameters in and encodes them", async () => {
  const { asked, client } = record(null);
  await client.call("GET /api/projects/{projectId}/tasks/{taskId}", anything, { projectId, taskId });
  await client.call("DELETE /api/credentials/{kind}", anything, { kind: "agent:a/b c" });
  expect(asked.map(({ path, call }) => `${call.method} ${path}`)).toEqual([
    `GET /api/projects/${projectId}/tasks/${taskId}`,
    "DELETE /api/credentials/agent%3Aa%2Fb%20c",
  ]);
});

it("sends the query that is given, without what is undefined, and the body", async () => {
  const { asked, client } = record(null);
  const query = { limit: 7, cursor: undefined, q: "a&b", status: "active" } as const;
  await client.call("GET /api/projects/{projectId}/sessions", anything, { projectId, query });
  await client.call("GET /api/projects/{projectId}/tasks", anything, {
    projectId,
    query: { status: ["draft", "ready"] },
  });
  await client.call("PATCH /api/projects/{projectId}", anything, { projectId, body: { name: "x" } });
  expect(asked.map(({ path }) => path.split("?")[1])).toEqual([
    "limit=7&q=a%26b&status=active",
    "status=draft%2Cready",
    undefined,
  ]);
  expect(asked[2]?.call.body).toEqual({ name: "x" });
});

it("gives each POST and PATCH, and no other request, a unique idempotency key, or the one it is given", async () => {
  const { asked, client } = record(null);
  const task = { projectId, taskId };
  await client.call("POST /api/projects/{projectId}/tasks/{taskId}/cancel", anything, task);
  await client.call("POST /api/projects/{projectId}/tasks/{taskId}/cancel", anything, task);
  await client.call("PATCH /api/projects/{projectId}/tasks/{taskId}", anything, { ...task, body: { priority: 1 } });
  await client.call("GET /api/me", anything);
  await client.call("POST /api/projects/{projectId}/tasks/{taskId}/run", anything, { ...task, idempotencyKey: "mine" });
  const keys = asked.map(({ call }) => call.idempotencyKey);
  expect(new Set(keys).size).toBe(5);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  expect(keys.slice(3)).toEqual([undefined, "mine"]);
});

it("passes the caller's options on", async () => {
  const { asked, client } = record(null);
  await client.call("GET /api/me", anything, {}, "patiently");
  await client.call("GET /api/me", anything);
  expect(asked.map(({ options }) => options)).toEqual(["patiently", undefined]);
});

it("reads every page of a list", async () => {
  const { asked, client } = record({ items: [1], nextCursor: "next" }, { items: [2], nextCursor: null });
  expect(await client.listAll("GET /api/nodes", numbers, { query: { state: "warm" } })).toEqual([1, 2]);
  expect(asked.map(({ path }) => path)).toEqual([
    "/api/nodes?state=warm&limit=200",
    "/api/nodes?state=warm&limit=200&cursor=next",
  ]);
});

it("gives the answer as its schema parsed it", async () => {
  const { client } = record({ items: ["1"], nextCursor: null });
  await expect(client.listAll("GET /api/nodes", numbers)).rejects.toThrow("another shape");
});

it("builds the address of a link", () => {
  expect(toPath("GET /api/projects/{projectId}/tasks/{taskId}/bundle", { projectId, taskId })).toBe(
    `/api/projects/${projectId}/tasks/${taskId}/bundle`,
  );
});

// Never called: the type checker fails where one of these is not an error.
export const mistakes = ({ client }: ReturnType<typeof record>) => [
  // @ts-expect-error There is no such path.
  client.call("GET /api/project", anything),
  // @ts-expect-error The path takes no such method.
  client.call("PUT /api/projects/{projectId}", anything, { projectId }),
  // @ts-expect-error A parameter is missing.
  client.call("GET /api/projects/{projectId}", anything),
  // @ts-expect-error The id of something else.
  client.call("GET /api/projects/{projectId}", anything, { projectId: nodeId }),
  // @ts-expect-error A query that the route does not know.
  client.call("GET /api/nodes", anything, { query: { status: "warm" } }),
  // @ts-expect-error A value that the query does not allow.
  client.call("GET /api/nodes", anything, { query: { state: "tepid" } }),
  // @ts-expect-error A body without what it needs.
  client.call("POST /api/projects", anything, { body: { name: "x" } }),
  // @ts-expect-error A body for a route that takes none.
  client.call("POST /api/identity/links", anything, { body: {} }),
  // @ts-expect-error A key for a route that does not read it.
  client.call("POST /api/tokens", anything, { body: { name: "x" }, idempotencyKey: "k" }),
  // @ts-expect-error A route that has no pages.
  client.listAll("GET /api/me", numbers),
];
