/**
 * The control plane's HTTP. The order of mounting decides who may call what: first open routes, then routes of nodes with
 * their own tokens, then routes of people behind `authenticate`; everything else is closed.
 */
import { jsonLogger, uuid } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { MiddlewareHandler } from "hono";
import { agentRoutes } from "./agents/routes.ts";
import { findDefinition } from "./agents/store.ts";
import { auditRoutes } from "./audit/routes.ts";
import { budgetRoutes } from "./budgets/routes.ts";
import { bundleNodeRoutes } from "./bundles/node-routes.ts";
import { bundleRoutes } from "./bundles/routes.ts";
import { credentialRoutes } from "./credentials/routes.ts";
import { assertSchemaCurrent } from "./database/schema-version.ts";
import { depsFor, systemPorts } from "./deps.ts";
import type { Ports } from "./deps.ts";
import { limitBody, limitDepth, requireJson } from "./http/body.ts";
import { createRouter } from "./http/context.ts";
import type { AppContext, Router } from "./http/context.ts";
import { refuseEmulatorRequests } from "./http/emulator-requests.ts";
import { respondWithError } from "./http/errors.ts";
import { securityHeaders } from "./http/headers.ts";
import { requireKnownHost } from "./http/hosts.ts";
import { describeApi, descriptionRoute } from "./http/openapi.ts";
import { createRateCounters } from "./http/rate-counters.ts";
import { limitChanges } from "./http/rate-limits.ts";
import { serveFiles } from "./http/serve-files.ts";
import { requireSameOrigin } from "./http/same-origin.ts";
import { authenticate } from "./identity/authenticate.ts";
import { openIdentityRoutes } from "./identity/open-routes.ts";
import { identityRoutes } from "./identity/routes.ts";
import { daemonRoutes } from "./nodes/node-routes.ts";
import { nodeRoutes } from "./nodes/routes.ts";
import { projectRoutes } from "./projects/routes.ts";
import { isDelivery, sessionNodeRoutes } from "./sessions/node-routes.ts";
import { sessionRoutes } from "./sessions/routes.ts";
import { closeLostViewers } from "./sessions/viewer-access.ts";
import { taskRoutes } from "./tasks/routes.ts";
import { wakeBudgetWaits } from "./tasks/spending.ts";
import { workspaceNodeRoutes } from "./workspaces/node-routes.ts";
import { workspaceRoutes } from "./workspaces/routes.ts";

/** Routes that take bytes instead of JSON and limit them themselves. */
export const byteRouters = (): readonly Router[] => [bundleNodeRoutes()];

/** Routes of nodes that verify the token before they read the body, and limit it themselves. */
export const deliveryRouters = (): readonly Router[] => [sessionNodeRoutes()];

/** Each of these routes verifies a node or workspace token and ignores cookies. */
export const nodeRouters = (): readonly Router[] => [daemonRoutes(), workspaceNodeRoutes()];

const userRouters = (): readonly Router[] => [
  identityRoutes(closeLostViewers),
  projectRoutes(),
  budgetRoutes(wakeBudgetWaits),
  taskRoutes(),
  bundleRoutes(),
  sessionRoutes(),
  workspaceRoutes(),
  nodeRoutes(),
  credentialRoutes(findDefinition),
  agentRoutes(),
  auditRoutes(),
];

export function createApp(ports: Ports = systemPorts): Router {
  const app = createRouter();
  app.onError(respondWithError);
  app.use(prepare(ports), securityHeaders, refuseEmulatorRequests, requireKnownHost);
  for (const router of byteRouters()) app.route("/", router);
  app.use("/api/*", limitBody, requireJson);
  for (const router of deliveryRouters()) app.route("/", router);
  app.use("/api/*", limitDepth);

  app.get("/api/health", async (c) => {
    await assertSchemaCurrent(c.env.DB);
    return c.json({ ok: true });
  });
  app.openapi(descriptionRoute, (c) => c.json(describeApi(app)));
  app.route("/", openIdentityRoutes(closeLostViewers));
  for (const router of nodeRouters()) app.route("/", router);

  app.use("/api/*", authenticate, requireSameOrigin, limitChanges);
  for (const router of userRouters()) app.route("/", router);
  app.all("/api/*", () => {
    throw new SamovarError("not_found", "No such address.");
  });

  app.on(["GET", "HEAD"], "*", serveFiles);
  app.all("*", () => {
    throw new SamovarError("method_not_allowed", "Pages are read-only.");
  });
  return app;
}

/** Gives each request an id, its dependencies and a log line. */
function prepare(ports: Ports): MiddlewareHandler<AppContext> {
  const rateCounters = createRateCounters();
  return async (c, next) => {
    const startedAt = ports.clock.now();
    const requestId = uuid(ports.random);
    // Set before the settings are parsed, so that invalid settings are logged and answered too.
    c.set("requestId", requestId);
    c.set("logger", jsonLogger({ clock: ports.clock, write: (line) => console.log(line) }).with({ requestId }));
    const deps = depsFor(c.env, ports);
    const logger = deps.logger.with({ requestId });
    c.set("logger", logger);
    c.set("deps", { ...deps, logger });
    c.set("rateCounters", rateCounters);
    c.set("user", undefined);
    await next();
    const { method, path } = c.req;
    const line = { method, path, status: c.res.status, ms: ports.clock.now() - startedAt };
    const isOrdinary = !path.startsWith("/api/") || path === "/api/health" || (isDelivery(c.req) && c.res.ok);
    if (isOrdinary) logger.debug("http.request", line);
    else logger.info("http.request", line);
  };
}
