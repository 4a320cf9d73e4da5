/** Routes for sessions and their messages: lists, history by position, and the viewers' WebSocket. */
import { createRoute, z } from "@hono/zod-openapi";
import type { ProjectId } from "@samovar/base";
import {
  LIMITS,
  messageView,
  page,
  pageQuery,
  projectId,
  SamovarError,
  searchPage,
  searchRequest,
  sessionId,
  sessionStatus,
  sessionView,
  taskId,
} from "@samovar/contracts";
import type { Context } from "hono";
import { createRouter, requireUser } from "../http/context.ts";
import type { AppContext, Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { assertSameOrigin } from "../http/same-origin.ts";
import { requireProject } from "../projects/store.ts";
import { getProjectData } from "./durable-object/stub.ts";
import { ACCESS_HEADER } from "./durable-object/rpc.ts";
import { closeLostViewers, recordViewerAccess } from "./viewer-access.ts";

const params = z.object({ projectId, sessionId });
const position = z.coerce.number().int().min(-1).max(Number.MAX_SAFE_INTEGER);

const list = createRoute({
  method: "get",
  path: "/api/projects/{projectId}/sessions",
  summary: "Lists a project's sessions, newest first.",
  request: {
    params: params.pick({ projectId: true }),
    query: pageQuery.extend({
      taskId: taskId.optional(),
      /** Words that the topic contains, in any order and case. */
      q: z.string().trim().min(1).max(200).optional(),
      status: sessionStatus.optional(),
    }),
  },
  responses: { 200: json(page(sessionView), "A page of sessions") },
});

const get = createRoute({
  method: "get",
  path: "/api/projects/{projectId}/sessions/{sessionId}",
  summary: "Shows a session.",
  request: { params },
  responses: { 200: json(sessionView, "The session") },
});

const messages = createRoute({
  method: "get",
  path: "/api/projects/{projectId}/sessions/{sessionId}/messages",
  summary:
    "Reads messages by position (both bounds exclusive); without bounds, the newest. A page of long messages is shorter than `limit`: continue from its last position until `messageCount`.",
  request: {
    params,
    query: z.object({
      before: position.optional(),
      after: position.optional(),
      limit: z.coerce.number().int().min(1).max(LIMITS.pageMax).default(50),
    }),
  },
  responses: {
    200: json(
      z.object({ messages: z.array(messageView), session: sessionView }),
      "Messages in order, and the session at that moment",
    ),
  },
});

const search = createRoute({
  method: "get",
  path: "/api/projects/{projectId}/search",
  summary: "Finds messages by their words, newest or best first, also in sessions that still run.",
  request: { params: params.pick({ projectId: true }), query: searchRequest },
  responses: { 200: json(searchPage, "Messages, each with the part of it that has the words") },
});

export function sessionRoutes(): Router {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const object = await requireProjectObject(c, c.req.valid("param").projectId);
    const { items, nextCursor } = await object.listSessions(c.req.valid("query"));
    return c.json({ items: [...items], nextCursor }, 200);
  });

  router.openapi(get, async (c) => {
    const { projectId: project, sessionId: id } = c.req.valid("param");
    const object = await requireProjectObject(c, project);
    return c.json((await object.getSession(id)) ?? throwNoSession(), 200);
  });

  router.openapi(messages, async (c) => {
    const { projectId: project, sessionId: id } = c.req.valid("param");
    const object = await requireProjectObject(c, project);
    const found = (await object.listMessages(id, c.req.valid("query"))) ?? throwNoSession();
    return c.json({ messages: [...found.messages], session: found.session }, 200);
  });

  router.openapi(search, async (c) => {
    const object = await requireProjectObject(c, c.req.valid("param").projectId);
    return c.json(await object.search(c.req.valid("query")), 200);
  });

  router.get("/api/projects/:projectId/ws", (c) => watch(c, c.req.param("projectId")));
  return router;
}

/** Authorised here, before the upgrade. A browser must come from Samovar's own page; a program with a token sends no Origin. */
async function watch(c: Context<AppContext>, id: string): Promise<Response> {
  const user = requireUser(c);
  if (user.via === "cookie" || c.req.header("origin") !== undefined) assertSameOrigin(c);
  const parsed = projectId.safeParse(id);
  if (!parsed.success) throw new SamovarError("not_found", "Project not found, or you don't have access to it.");
  const object = await requireProjectObject(c, parsed.data);
  if (c.req.header("upgrade")?.toLowerCase() !== "websocket") {
    throw new SamovarError("upgrade_required", "Open this URL as a WebSocket.");
  }
  const deps = c.get("deps");
  const { access } = user;
  await recordViewerAccess(deps, access.id, parsed.data);
  const headers = { upgrade: "websocket", [ACCESS_HEADER]: JSON.stringify(access) };
  const answer = await object.fetch("https://project-data/viewers", { headers });
  if (answer.status !== 101)
    throw new SamovarError("unavailable", "This project has too many viewers. Try again later.");
  // An access that ended before the object accepted the socket was not found by whoever ended it.
  await closeLostViewers(deps, access.id);
  return answer;
}

/** The object of the caller's project. Throws `not_found`. */
async function requireProjectObject(c: Context<AppContext>, id: ProjectId) {
  const deps = c.get("deps");
  await requireProject(deps.db, requireUser(c).id, id);
  return getProjectData(deps, id);
}

function throwNoSession(): never {
  throw new SamovarError("not_found", "Session not found, or you don't have access to it.");
}
