/** Projects: a repository with its defaults. */
import { createRoute, z } from "@hono/zod-openapi";
import { createProject, page, pageQuery, patchProject, projectId, projectView } from "@samovar/contracts";
import { toActor } from "../audit/store.ts";
import { createRouter, requireUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { idempotencyHeader, json, jsonBody } from "../http/route.ts";
import { assertAgentKnown } from "../agents/preconditions.ts";
import { createNewProject } from "./create.ts";
import { assertRepoAllowed } from "./repo-policy.ts";
import { listProjects, requireProject, updateProject } from "./store.ts";
import { viewProject, viewProjects } from "./view.ts";

const params = z.object({ projectId });

const list = createRoute({
  method: "get",
  path: "/api/projects",
  summary: "Lists projects, oldest first.",
  request: { query: pageQuery.extend({ archived: z.stringbool().default(false) }) },
  responses: { 200: json(page(projectView), "A page of projects") },
});

const create = createRoute({
  method: "post",
  path: "/api/projects",
  summary: "Makes a project.",
  request: { headers: idempotencyHeader, body: jsonBody(createProject) },
  responses: { 201: json(projectView, "The project") },
});

const get = createRoute({
  method: "get",
  path: "/api/projects/{projectId}",
  summary: "Shows a project.",
  request: { params },
  responses: { 200: json(projectView, "The project") },
});

const patch = createRoute({
  method: "patch",
  path: "/api/projects/{projectId}",
  summary: "Changes a project, or archives it.",
  request: { params, body: jsonBody(patchProject) },
  responses: { 200: json(projectView, "The project") },
});

const archive = createRoute({
  method: "delete",
  path: "/api/projects/{projectId}",
  summary: "Archives a project. Its tasks and transcripts are kept.",
  request: { params },
  responses: { 200: json(projectView, "The archived project") },
});

export function projectRoutes(): Router {
  const router = createRouter();

  router.openapi(list, async (c) => {
    const found = await listProjects(c.get("deps").db, requireUser(c).id, c.req.valid("query"));
    return c.json({ items: await viewProjects(c.get("deps").db, found.items), nextCursor: found.nextCursor }, 200);
  });

  router.openapi(create, async (c) => {
    const key = c.req.valid("header")["idempotency-key"] ?? null;
    const row = await createNewProject(c.get("deps"), requireUser(c).id, c.req.valid("json"), key);
    return c.json(await viewProject(c.get("deps").db, row), 201);
  });

  router.openapi(get, async (c) => {
    const { db } = c.get("deps");
    const row = await requireProject(db, requireUser(c).id, c.req.valid("param").projectId);
    return c.json(await viewProject(db, row), 200);
  });

  router.openapi(patch, async (c) => {
    const deps = c.get("deps");
    const { config, db, clock } = deps;
    const row = await requireProject(db, requireUser(c).id, c.req.valid("param").projectId);
    const { archived, ...fields } = c.req.valid("json");
    if (fields.repoUrl !== undefined) assertRepoAllowed(config, fields.repoUrl);
    await assertAgentKnown(db, row.ownerId, fields.defaultAgent);
    const archivedAt = archived === undefined ? row.archivedAt : archived ? (row.archivedAt ?? clock.now()) : null;
    await updateProject(deps, toActor(requireUser(c)), row, { ...fields, archivedAt });
    return c.json(await viewProject(db, await requireProject(db, row.ownerId, row.id)), 200);
  });

  router.openapi(archive, async (c) => {
    const deps = c.get("deps");
    const { db, clock } = deps;
    const row = await requireProject(db, requireUser(c).id, c.req.valid("param").projectId);
    await updateProject(deps, toActor(requireUser(c)), row, { archivedAt: row.archivedAt ?? clock.now() });
    return c.json(await viewProject(db, await requireProject(db, row.ownerId, row.id)), 200);
  });

  return router;
}
