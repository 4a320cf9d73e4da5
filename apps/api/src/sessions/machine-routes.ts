/** Delivery of messages by a node, with a workspace token. Whatever is refused here, the node keeps its rows. Keeps M1. */
import { createRoute, z } from "@hono/zod-openapi";
import type { DeliveryReply, WorkspaceClaims } from "@samovar/contracts";
import { deliveryReply, deliveryRequest, LIMITS, SamovarError, workspaceId } from "@samovar/contracts";
import type { Context } from "hono";
import { bodyLimit } from "hono/body-limit";
import { apiRouter, invalidRequest } from "../http/context.ts";
import type { AppContext, Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import { bearer, verifyWorkspaceToken } from "../identity/machine-tokens.ts";
import { projectData } from "./durable-object/stub.ts";

const PATH = "/api/workspaces/:workspaceId/messages";

/** For the description only: the token goes before the body, and the body's size before its shape. */
const deliver = createRoute({
  method: "post",
  path: "/api/workspaces/{workspaceId}/messages",
  summary: "Delivers messages of the workspace token's session. Each row gets its outcome.",
  request: { params: z.object({ workspaceId }), body: jsonBody(deliveryRequest) },
  responses: { 200: json(deliveryReply, "One outcome for each row, in order") },
});

const limitDelivery = bodyLimit({
  maxSize: LIMITS.deliveryMaxBytes,
  onError: () => {
    throw tooMuch();
  },
});

export function sessionMachineRoutes(): Router {
  const router = apiRouter();
  router.openAPIRegistry.registerPath(deliver);
  router.post(PATH, limitDelivery, async (c) => {
    const claims = await claimsFor(c, c.req.param("workspaceId"));
    const rows = rowsOf(await jsonOf(c));
    const reply: DeliveryReply = await projectData(c.get("deps"), claims.project).deliver(claims, rows);
    return c.json(reply, 200);
  });
  return router;
}

/** Throws `unauthenticated`, and `forbidden` when the token is another workspace's. */
async function claimsFor(c: Context<AppContext>, workspace: string): Promise<WorkspaceClaims> {
  const { config, clock } = c.get("deps");
  const claims = await verifyWorkspaceToken(config, bearer(c), clock.now());
  if (claims.workspace !== workspace) throw new SamovarError("forbidden", "This token is another workspace's.");
  return claims;
}

async function jsonOf(c: Context<AppContext>): Promise<unknown> {
  try {
    return await c.req.json<unknown>();
  } catch (error) {
    if (error instanceof SyntaxError) throw new SamovarError("invalid_request", "The body is not valid JSON.");
    throw error;
  }
}

/** Too many rows are answered like too many bytes: the node splits them. */
function rowsOf(body: unknown): readonly unknown[] {
  const parsed = deliveryRequest.safeParse(body);
  if (parsed.success) return parsed.data.messages;
  if (parsed.error.issues.some(({ code }) => code === "too_big")) throw tooMuch();
  throw invalidRequest(parsed.error);
}

const tooMuch = () =>
  new SamovarError(
    "payload_too_large",
    `A delivery has ${LIMITS.deliveryMaxMessages} rows and ${LIMITS.deliveryMaxBytes} bytes at most. Split it.`,
  );
