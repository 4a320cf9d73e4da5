/** Where a node hands over, as a git bundle, the commits that it could not push [F41]. Bytes, bounded and checked. */
import { createRoute, z } from "@hono/zod-openapi";
import { sha256 } from "@samovar/base/sha256";
import { bundleView, LIMITS, SamovarError, workspaceId } from "@samovar/contracts";
import { bodyLimit } from "hono/body-limit";
import { apiRouter } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { bearer, verifyWorkspaceToken } from "../identity/machine-tokens.ts";
import { projectData } from "../sessions/durable-object/stub.ts";

/** For the description only: the token goes before the bytes. */
const upload = createRoute({
  method: "put",
  path: "/api/workspaces/{workspaceId}/bundle",
  summary: "Keeps a git bundle with the workspace token's session, in an older one's place.",
  request: {
    params: z.object({ workspaceId }),
    query: z.object({ sha256: z.string() }),
    body: { required: true, content: { "application/octet-stream": { schema: z.string() } } },
  },
  responses: { 200: json(bundleView, "What is kept") },
});

const limitBundle = bodyLimit({
  maxSize: LIMITS.bundleMaxBytes,
  onError: () => {
    throw new SamovarError("payload_too_large", `A bundle may have ${LIMITS.bundleMaxBytes} bytes at most.`);
  },
});

export function bundleMachineRoutes(): Router {
  const router = apiRouter();
  router.openAPIRegistry.registerPath(upload);
  router.put("/api/workspaces/:workspaceId/bundle", async (c) => {
    const { config, clock, env } = c.get("deps");
    const claims = await verifyWorkspaceToken(config, bearer(c), clock.now());
    if (claims.workspace !== c.req.param("workspaceId"))
      throw new SamovarError("forbidden", "This token is another workspace's.");
    if (c.req.header("content-type") !== "application/octet-stream")
      throw new SamovarError("unsupported_media_type", "Send a bundle as application/octet-stream.");
    // Only now: nobody unknown gets to send us 16 MiB.
    await limitBundle(c, async () => {});
    const data = new Uint8Array(await c.req.arrayBuffer());
    if (data.byteLength === 0) throw new SamovarError("invalid_request", "The bundle is empty.");
    const digest = sha256(data);
    if (digest !== c.req.query("sha256"))
      throw new SamovarError("invalid_request", "The bundle's bytes do not have the SHA-256 that was given.");
    return c.json(await projectData({ env }, claims.project).storeBundle(claims, data, digest), 200);
  });
  return router;
}
