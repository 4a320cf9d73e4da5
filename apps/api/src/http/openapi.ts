/** The description of the API (OpenAPI 3.1): the routers' own generator, and the error that every route may answer. */
import { createRoute, z } from "@hono/zod-openapi";
import { errorBody } from "@samovar/contracts";
import type { Router } from "./context.ts";
import { json } from "./route.ts";

export type ApiDescription = ReturnType<Router["getOpenAPI31Document"]>;

/** What clients read of the description. */
const described = z.looseObject({ openapi: z.string(), info: z.looseObject({ version: z.string() }) });

export const descriptionRoute = createRoute({
  method: "get",
  path: "/api/openapi.json",
  responses: { 200: json(described, "This description") },
});

const INFO = {
  title: "Samovar",
  version: "0.1.0",
  description: "Runs coding tasks on nodes that it creates and looks after.",
};
const descriptions = new WeakMap<Router, ApiDescription>();

/** Everything that is mounted on `app`; made once. */
export function describeApi(app: Router): ApiDescription {
  const known = descriptions.get(app);
  if (known !== undefined) return known;
  // Only schemas made after the router's library was loaded can be registered.
  app.openAPIRegistry.register("Error", z.object(errorBody.shape));
  const description = app.getOpenAPI31Document({ openapi: "3.1.0", info: INFO });
  for (const { get, put, post, patch, delete: drop } of Object.values(description.paths ?? {})) {
    for (const operation of [get, put, post, patch, drop]) {
      if (operation !== undefined) operation.responses = { ...operation.responses, default: ANY_ERROR };
    }
  }
  descriptions.set(app, description);
  return description;
}

const ANY_ERROR = {
  description: "An error of the catalogue",
  content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
};
