/**
 * The control plane's HTTP. The order of mounting says who may call what: what is open first, then machines with
 * their own tokens, then people behind `authenticate`; a route that is mounted nowhere else is closed.
 */
import { jsonLogger, uuid } from "@samovar/base";
import { SamovarError } from "@samovar/contracts";
import type { MiddlewareHandler } from "hono";
import { agentRoutes } from "./agents/routes.ts";
import { findDefinition } from "./agents/store.ts";
import { bundleMachineRoutes } from "./bundles/machine-routes.ts";
import { bundleRoutes } from "./bundles/routes.ts";
import { credentialRoutes } from "./credentials/routes.ts";
import { depsFor, systemPorts } from "./deps.ts";
import type { Ports } from "./deps.ts";
import { limitBody, requireJson } from "./http/body.ts";
import { apiRouter } from "./http/context.ts";
import type { AppContext, Router } from "./http/context.ts";
import { answerError } from "./http/errors.ts";
import { securityHeaders } from "./http/headers.ts";
import { describeApi } from "./http/openapi.ts";
import { requireSameOrigin } from "./http/same-origin.ts";
import { authenticate } from "./identity/authenticate.ts";
import { openIdentityRoutes } from "./identity/open-routes.ts";
import { identityRoutes } from "./identity/routes.ts";
import { nodeMachineRoutes } from "./nodes/machine-routes.ts";
import { nodeRoutes } from "./nodes/routes.ts";
import { projectRoutes } from "./projects/routes.ts";
import { sessionMachineRoutes } from "./sessions/machine-routes.ts";
import { sessionRoutes } from "./sessions/routes.ts";
import { taskRoutes } from "./tasks/routes.ts";
import { workspaceMachineRoutes } from "./workspaces/machine-routes.ts";
import { workspaceRoutes } from "./workspaces/routes.ts";

/** Takes bytes instead of JSON, and bounds them itself. */
export const byteRouters = (): readonly Router[] => [bundleMachineRoutes()];

/** Machines prove themselves by their own tokens, route by route; no cookie is looked at. */
export const machineRouters = (): readonly Router[] => [
  nodeMachineRoutes(),
  sessionMachineRoutes(),
  workspaceMachineRoutes(),
];

const peoplesRouters = (): readonly Router[] => [
  identityRoutes(),
  projectRoutes(),
  taskRoutes(),
  bundleRoutes(),
  sessionRoutes(),
  workspaceRoutes(),
  nodeRoutes(),
  credentialRoutes(findDefinition),
  agentRoutes(),
];

export function createApp(ports: Ports = systemPorts): Router {
  const app = apiRouter();
  app.onError(answerError);
  app.use(prepare(ports), securityHeaders);
  for (const router of byteRouters()) app.route("/", router);
  app.use("/api/*", limitBody, requireJson);

  app.get("/api/health", (c) => c.json({ ok: true }));
  app.get("/api/openapi.json", (c) => c.json(describeApi(app)));
  app.route("/", openIdentityRoutes());
  for (const router of machineRouters()) app.route("/", router);

  app.use("/api/*", authenticate, requireSameOrigin);
  for (const router of peoplesRouters()) app.route("/", router);
  app.all("/api/*", () => {
    throw new SamovarError("not_found", "There is nothing at this address.");
  });

  app.on(["GET", "HEAD"], "*", (c) => c.env.ASSETS.fetch(c.req.raw));
  app.all("*", () => {
    throw new SamovarError("method_not_allowed", "A page can be read only.");
  });
  return app;
}

/** Gives each request an id, its dependencies and one log line. */
function prepare(ports: Ports): MiddlewareHandler<AppContext> {
  return async (c, next) => {
    const began = ports.clock.now();
    const requestId = uuid(ports.random);
    // Set before the settings are parsed, so that a fault in them is logged and answered as well.
    c.set("requestId", requestId);
    c.set("logger", jsonLogger({ clock: ports.clock, write: (line) => console.log(line) }).with({ requestId }));
    const deps = depsFor(c.env, ports);
    const logger = deps.logger.with({ requestId });
    c.set("logger", logger);
    c.set("deps", { ...deps, logger });
    c.set("user", undefined);
    await next();
    const { method, path } = c.req;
    const line = { method, path, status: c.res.status, ms: ports.clock.now() - began };
    if (path.startsWith("/api/") && path !== "/api/health") logger.info("http.request", line);
    else logger.debug("http.request", line);
  };
}
