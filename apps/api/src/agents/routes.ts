/** The agents that a task may ask for, and the settings that a page may know. */
import { createRoute, z } from "@hono/zod-openapi";
import { agentKind, agentView, page, vmSize } from "@samovar/contracts";
import { apiRouter, currentUser } from "../http/context.ts";
import type { Router } from "../http/context.ts";
import { json } from "../http/route.ts";
import { listAgents } from "./agents.ts";

const list = createRoute({
  method: "get",
  path: "/api/agents",
  summary: "Lists agents, and whether each can be used now.",
  responses: { 200: json(page(agentView), "Every agent") },
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
  const router = apiRouter();

  router.openapi(list, async (c) =>
    c.json({ items: await listAgents(c.get("deps").db, currentUser(c).id), nextCursor: null }, 200),
  );

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
        keptWorkspaceRetentionMs: config.KEPT_WORKSPACE_RETENTION_MS,
      },
      200,
    );
  });

  return router;
}
