/** Stores the commits that a node could not push, as a git bundle of limited size and verified content [F41]. */
import { createRoute, z } from "@hono/zod-openapi";
import { sha256 } from "@samovar/base/sha256";
import { bundleView, LIMITS, SamovarError, workspaceId } from "@samovar/contracts";
import { bodyLimit } from "hono/body-limit";
import { createRouter } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { authenticateWorkspace } from "../identity/node-callers.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";

/** For the API description only: the handler checks the token before it reads the bytes. */
const upload = createRoute({
  method: "put",
  path: "/api/workspaces/{workspaceId}/bundle",
  summary: "Stores a git bundle with the workspace token's session and replaces an older one.",
  request: {
    params: z.object({ workspaceId }),
    query: z.object({ sha256: z.string() }),
    body: { required: true, content: { "application/octet-stream": { schema: z.string() } } },
  },
  responses: { 200: json(bundleView, "The stored bundle") },
});

const limitBundle = bodyLimit({
  maxSize: LIMITS.bundleMaxBytes,
  onError: () => {
    throw new SamovarError("payload_too_large", `A bundle may have at most ${LIMITS.bundleMaxBytes} bytes.`);
  },
});

export function bundleNodeRoutes(): Router {
  const router = createRouter();
  router.openAPIRegistry.registerPath(upload);
  router.put("/api/workspaces/:workspaceId/bundle", async (c) => {
    const { env } = c.get("deps");
    const claims = await authenticateWorkspace(c);
    if (claims.workspace !== c.req.param("workspaceId"))
      throw new SamovarError("forbidden", "This token belongs to another workspace.");
    if (c.req.header("content-type") !== "application/octet-stream")
      throw new SamovarError("unsupported_media_type", "Send a bundle as application/octet-stream.");
    // After the token, so that strangers cannot send 16 MiB.
    await limitBundle(c, async () => {});
    const data = new Uint8Array(await c.req.arrayBuffer());
    if (data.byteLength === 0) throw new SamovarError("invalid_request", "The bundle is empty.");
    const digest = sha256(data);
    if (digest !== c.req.query("sha256"))
      throw new SamovarError("invalid_request", "The bundle does not match the given SHA-256.");
    return c.json(await getProjectData({ env }, claims.project).storeBundle(claims, data, digest), 200);
  });
  return router;
}
