/** D1: databases in workerd, queries and bookmarks. */
import { Hono } from "hono";
import * as z from "zod";
import type { Account } from "./account.ts";
import { failure, success } from "./envelope.ts";
import type { WorkerRuntime } from "./worker-runtime.ts";

const query = z.object({ sql: z.string(), params: z.array(z.union([z.string(), z.number()])).default([]) });
const queries = z.union([
  query.transform((one) => [one]),
  z.object({ batch: z.array(query) }).transform(({ batch }) => batch),
]);

export function databaseRoutes(account: Account, runtime: WorkerRuntime): Hono {
  const routes = new Hono();
  let bookmarks = 0;

  routes.get("/d1/database", (c) =>
    success(
      c,
      [...account.databases].map(([uuid, name]) => ({ uuid, name })),
    ),
  );
  routes.post("/d1/database", async (c) => {
    const { name } = z.object({ name: z.string() }).parse(await c.req.json());
    const uuid = account.newId();
    account.databases.set(uuid, name);
    return success(c, { uuid, name });
  });
  routes.get("/d1/database/:id", (c) => {
    const name = account.databases.get(c.req.param("id"));
    return name === undefined
      ? failure(c, 404, 7404, "The database could not be found")
      : success(c, { uuid: c.req.param("id"), name });
  });
  routes.delete("/d1/database/:id", (c) => {
    account.databases.delete(c.req.param("id"));
    return success(c, null);
  });
  routes.get("/d1/database/:id/time_travel/bookmark", (c) =>
    success(c, { bookmark: `0000000${++bookmarks}-00000002-00004e2f-0a83ea2fceebc654de0640c422be4653` }),
  );
  routes.post("/d1/database/:id/query", async (c) => {
    if (!account.databases.has(c.req.param("id"))) return failure(c, 404, 7404, "The database could not be found");
    const database = await runtime.openDatabase(c.req.param("id"));
    const statements = queries
      .parse(await c.req.json())
      .map(({ sql, params }) => database.prepare(sql).bind(...params));
    try {
      const results = await database.batch(statements);
      return success(
        c,
        results.map(({ results: rows, success: ok, meta }) => ({ results: rows, success: ok, meta })),
      );
    } catch (error) {
      return failure(c, 400, 7500, error instanceof Error ? error.message : String(error));
    }
  });
  return routes;
}
