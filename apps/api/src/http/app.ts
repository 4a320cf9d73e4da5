/** The control plane's HTTP: machine routers first, then people's behind `authenticate`. */
import { systemPorts } from "../deps.ts";
import type { Ports } from "../deps.ts";
import { apiRouter } from "./context.ts";
import type { Router } from "./context.ts";

export function createApp(_ports: Ports = systemPorts): Router {
  const app = apiRouter();
  app.get("/api/health", (c) => c.json({ ok: true }));
  return app;
}
