/** The agents that a task may ask for, those of a person's own among them, and the settings that a page may know. */
import { createRoute, z } from "@hono/zod-openapi";
import type { UserId } from "@samovar/base";
import {
  agentDefinition,
  agentDetail,
  agentKind,
  agentView,
  BUILT_IN_AGENTS,
  page,
  SamovarError,
  vmSize,
} from "@samovar/contracts";
import type { AgentDetail, AgentKind } from "@samovar/contracts";
import { toActor } from "../audit/store.ts";
import type { Database } from "../database/index.ts";
import { createRouter, requireUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json, jsonBody } from "../http/route.ts";
import { describeAgent, listAgents } from "./agents.ts";
import { deleteDefinition, putDefinition } from "./store.ts";

const params = z.object({ kind: agentKind });

const list = createRoute({
  method: "get",
  path: "/api/agents",
  summary: "Lists agents, and whether each can be used now.",
  responses: { 200: json(page(agentView), "Every agent") },
});

const get = createRoute({
  method: "get",
  path: "/api/agents/{kind}",
  summary: "Shows an agent, with its definition if you added it.",
  request: { params },
  responses: { 200: json(agentDetail, "The agent") },
});

const put = createRoute({
  method: "put",
  path: "/api/agents/{kind}",
  summary: "Adds or changes an agent: any program that speaks ACP.",
  request: { params, body: jsonBody(agentDefinition) },
  responses: { 200: json(agentDetail, "The agent") },
});

const drop = createRoute({
  method: "delete",
  path: "/api/agents/{kind}",
  summary: "Deletes an agent that you added, with its credential. No project and no unfinished task may use it.",
  request: { params },
  responses: { 204: { description: "Deleted" } },
});

const settingsView = z.object({
  defaultAgent: agentKind,
  defaultVmSize: vmSize,
  allowLocalRepos: z.boolean(),
  nodeSlots: z.number().int(),
  maxNodesPerUser: z.number().int(),
  nodeWarmTimeoutMs: z.number().int(),
  taskMaxDurationMs: z.number().int(),
  keptWorkspaceRetentionMs: z.number().int(),
});

const settings = createRoute({
  method: "get",
  path: "/api/settings",
  summary: "The settings that people may know; no secret is among them.",
  responses: { 200: json(settingsView, "Settings") },
});

export function agentRoutes(): Router {
  const router = createRouter();

  router.openapi(list, async (c) =>
    c.json({ items: await listAgents(c.get("deps").db, requireUser(c).id), nextCursor: null }, 200),
  );

  router.openapi(get, async (c) =>
    c.json(await requireDetail(c.get("deps").db, requireUser(c).id, c.req.valid("param").kind), 200),
  );

  router.openapi(put, async (c) => {
    const deps = c.get("deps");
    const definition = c.req.valid("json");
    if (definition.kind !== c.req.valid("param").kind) {
      throw new SamovarError("invalid_request", "kind: the body is of another agent than the address names");
    }
    await putDefinition(deps, toActor(requireUser(c)), definition);
    return c.json(await requireDetail(deps.db, requireUser(c).id, definition.kind), 200);
  });

  router.openapi(drop, async (c) => {
    const { kind } = c.req.valid("param");
    if (BUILT_IN_AGENTS.some((known) => known === kind)) {
      throw new SamovarError("invalid_request", `${kind} comes with Samovar and cannot be deleted.`);
    }
    await deleteDefinition(c.get("deps"), toActor(requireUser(c)), kind);
    return c.body(null, 204);
  });

  router.openapi(settings, (c) => {
    const { config } = c.get("deps");
    return c.json(
      {
        defaultAgent: config.DEFAULT_AGENT,
        defaultVmSize: config.DEFAULT_VM_SIZE,
        allowLocalRepos: config.ALLOW_LOCAL_REPOS,
        nodeSlots: config.NODE_SLOTS,
        maxNodesPerUser: config.MAX_NODES_PER_USER,
        nodeWarmTimeoutMs: config.NODE_WARM_TIMEOUT_MS,
        taskMaxDurationMs: config.TASK_MAX_DURATION_MS,
        keptWorkspaceRetentionMs: config.WORKSPACE_RETENTION_MS,
      },
      200,
    );
  });

  return router;
}

async function requireDetail(db: Database, ownerId: UserId, kind: AgentKind): Promise<AgentDetail> {
  const found = await describeAgent(db, ownerId, kind);
  if (found === null) throw new SamovarError("not_found", "There is no such agent.");
  return found;
}
