/** Routes for a node's daemon: one with the bootstrap token, one with the node token. Cookies are ignored. Keeps S1. */
import { createRoute, z } from "@hono/zod-openapi";
import { bootstrapReply, bootstrapRequest, nodeId, SamovarError } from "@samovar/contracts";
import { createRouter } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { refuseSecret } from "../http/rate-limits.ts";
import { json, jsonBody } from "../http/route.ts";
import { authenticateNode } from "../identity/node-callers.ts";
import { getNodeObject } from "./durable-object/stub.ts";
import { findNode } from "./store.ts";

const params = z.object({ nodeId });

const boot = createRoute({
  method: "post",
  path: "/api/nodes/{nodeId}/bootstrap",
  summary: "Exchanges a node's single-use bootstrap token for its node token.",
  request: { params, body: jsonBody(bootstrapRequest) },
  responses: { 200: json(bootstrapReply, "The node's identity") },
});

const link = createRoute({
  method: "get",
  path: "/api/nodes/{nodeId}/link",
  summary: "The node's WebSocket.",
  request: { params },
  responses: { 101: { description: "The link" } },
});

export function daemonRoutes(): Router {
  const router = createRouter();

  router.openapi(boot, async (c) => {
    const { nodeId: id } = c.req.valid("param");
    // No object is created for an unknown id.
    if ((await findNode(c.get("deps").db, id)) === null)
      throw refuseSecret(c, "The bootstrap token is invalid or was used already.");
    const answer = await getNodeObject(c.env, id).bootstrap(c.req.valid("json"));
    if (!answer.ok) {
      const isWrong = answer.code === "unauthenticated";
      throw isWrong ? refuseSecret(c, answer.message) : new SamovarError(answer.code, answer.message);
    }
    return c.json(answer.reply, 200);
  });

  router.openapi(link, async (c) => {
    const claims = await authenticateNode(c);
    if (claims.node !== c.req.valid("param").nodeId)
      throw new SamovarError("unauthenticated", "The token is not for this node.");
    if (c.req.header("upgrade")?.toLowerCase() !== "websocket")
      throw new SamovarError("upgrade_required", "Open this address as a WebSocket.");
    const headers = new Headers(c.req.raw.headers);
    headers.delete("authorization");
    headers.set("x-samovar-epoch", String(claims.epoch));
    return getNodeObject(c.env, claims.node).fetch(new Request(c.req.raw, { headers }));
  });

  return router;
}
