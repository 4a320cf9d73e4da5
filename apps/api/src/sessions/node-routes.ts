/** Delivery of messages by a node, with a workspace token. The node keeps every row that is refused here. Keeps M1. */
import { createRoute, z } from "@hono/zod-openapi";
import type { DeliveryReply, WorkspaceClaims } from "@samovar/contracts";
import { deliveryReply, deliveryRequest, LIMITS, SamovarError, workspaceId } from "@samovar/contracts";
import type { Context, HonoRequest } from "hono";
import { bodyLimit } from "hono/body-limit";
import { readJson } from "../http/body.ts";
import { createRouter, toInvalidRequest } from "../http/context.ts";
import type { AppContext, Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import { authenticateWorkspace } from "../identity/node-callers.ts";
import { getProjectData } from "./durable-object/stub.ts";

const PATH = "/api/workspaces/:workspaceId/messages";

/** A task sends thousands of these requests. */
export const isDelivery = ({ method, path }: Pick<HonoRequest, "method" | "path">): boolean =>
  method === "POST" && /^\/api\/workspaces\/[^/]+\/messages$/.test(path);

/** For the API description only: the handler checks the token before the body, and the body's size before its shape. */
const deliver = createRoute({
  method: "post",
  path: "/api/workspaces/{workspaceId}/messages",
  summary: "Delivers messages of the workspace token's session. Each row gets its own result.",
  request: { params: z.object({ workspaceId }), body: jsonBody(deliveryRequest) },
  responses: { 200: json(deliveryReply, "One result per row, in order") },
});

const limitDelivery = bodyLimit({
  maxSize: LIMITS.deliveryMaxBytes,
  onError: () => {
    throw payloadTooLarge();
  },
});

export function sessionNodeRoutes(): Router {
  const router = createRouter();
  router.openAPIRegistry.registerPath(deliver);
  router.post(PATH, limitDelivery, async (c) => {
    const claims = await verifyClaims(c, c.req.param("workspaceId"));
    const rows = parseRows(await readJson(c));
    const reply: DeliveryReply = await getProjectData(c.get("deps"), claims.project).deliver(claims, rows);
    return c.json(reply, 200);
  });
  return router;
}

/** Throws `unauthenticated`, and `forbidden` if the token belongs to another workspace. */
async function verifyClaims(c: Context<AppContext>, workspace: string): Promise<WorkspaceClaims> {
  const claims = await authenticateWorkspace(c);
  if (claims.workspace !== workspace) throw new SamovarError("forbidden", "This token belongs to another workspace.");
  return claims;
}

/** Too many rows are refused like too many bytes, so that the node splits them. */
function parseRows(body: unknown): readonly unknown[] {
  const parsed = deliveryRequest.safeParse(body);
  if (parsed.success) return parsed.data.messages;
  if (parsed.error.issues.some(({ code }) => code === "too_big")) throw payloadTooLarge();
  throw toInvalidRequest(parsed.error);
}

const payloadTooLarge = () =>
  new SamovarError(
    "payload_too_large",
    `A delivery may have at most ${LIMITS.deliveryMaxMessages} rows and ${LIMITS.deliveryMaxBytes} bytes. Split it.`,
  );
