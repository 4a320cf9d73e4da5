/** The caller's audit log. It can only be read. */
import { createRoute } from "@hono/zod-openapi";
import { auditEntry, page, pageQuery } from "@samovar/contracts";
import { createRouter, requireUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { listEntries } from "./store.ts";

const list = createRoute({
  method: "get",
  path: "/api/audit-log",
  summary: "Lists security-relevant and destructive actions, newest first.",
  request: { query: pageQuery },
  responses: { 200: json(page(auditEntry), "A page of entries") },
});

export function auditRoutes(): Router {
  const router = createRouter();
  router.openapi(list, async (c) => {
    const { items, nextCursor } = await listEntries(c.get("deps").db, requireUser(c).id, c.req.valid("query"));
    return c.json({ items: [...items], nextCursor }, 200);
  });
  return router;
}
