/** Downloads the commits that a task could not push; `git fetch <file> <branch>` brings them into a repository. */
import { createRoute, z } from "@hono/zod-openapi";
import type { SessionId } from "@samovar/base";
import { projectId, SamovarError, taskId } from "@samovar/contracts";
import { createRouter, requireUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { requireProject } from "../projects/store.ts";
import type { ProjectDataRpc } from "../sessions/durable-object/rpc.ts";
import { getProjectData } from "../sessions/durable-object/stub.ts";
import { requireTask } from "../tasks/store.ts";

const download = createRoute({
  method: "get",
  path: "/api/projects/{projectId}/tasks/{taskId}/bundle",
  summary: "Downloads a git bundle of the commits that could not be pushed.",
  request: { params: z.object({ projectId, taskId }) },
  responses: {
    200: { description: "The bundle", content: { "application/octet-stream": { schema: z.string() } } },
  },
});

export function bundleRoutes(): Router {
  const router = createRouter();
  router.openapi(download, async (c) => {
    const deps = c.get("deps");
    const address = c.req.valid("param");
    const project = await requireProject(deps.db, requireUser(c).id, address.projectId);
    const task = await requireTask(deps.db, project.id, address.taskId);
    const data = getProjectData(deps, project.id);
    const bundle = await data.findBundle(task.sessionId);
    if (bundle === null) throw new SamovarError("not_found", "This task has no bundle: no push of it failed.");
    const whole = streamPieces(data, task.sessionId, bundle).pipeThrough(new FixedLengthStream(bundle.bytes));
    return c.body(whole, 200, {
      "content-type": "application/octet-stream",
      "content-disposition": `attachment; filename="${toFileName(task.branch)}"`,
    });
  });
  return router;
}

type PieceSource = Pick<ProjectDataRpc, "bundleChunk">;

/** Reads the pieces on demand. */
function streamPieces(
  data: PieceSource,
  session: SessionId,
  { sha256, chunks }: { readonly sha256: string; readonly chunks: number },
): ReadableStream<Uint8Array> {
  let next = 0;
  return new ReadableStream({
    async pull(controller) {
      const piece = await data.bundleChunk(session, sha256, next++);
      if (piece === null) return controller.error(new Error("the bundle was replaced while it was read"));
      controller.enqueue(piece);
      if (next === chunks) controller.close();
    },
  });
}

const toFileName = (branch: string | null) => `${(branch ?? "work").replaceAll(/[^A-Za-z0-9._+-]/g, "-")}.bundle`;
