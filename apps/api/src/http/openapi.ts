/** The description of the API (OpenAPI 3.1): the routers' own generator, and the error that every route may answer. */
import { z } from "@hono/zod-openapi";
import { errorBody } from "@samovar/contracts";
import type { Router } from "./context.ts";

type Description = ReturnType<Router["getOpenAPI31Document"]>;

const INFO = { title: "Samovar", version: "0.1.0", description: "Runs coding tasks on machines it looks after." };
const described = new WeakMap<Router, Description>();

/** Everything that is mounted on `app`; made once. */
export function describeApi(app: Router): Description {
  const known = described.get(app);
  if (known !== undefined) return known;
  // Only schemas made after the router's library was loaded can be registered.
  app.openAPIRegistry.register("Error", z.object(errorBody.shape));
  const description = app.getOpenAPI31Document({ openapi: "3.1.0", info: INFO });
  for (const { get, put, post, patch, delete: drop } of Object.values(description.paths ?? {})) {
    for (const operation of [get, put, post, patch, drop]) {
      if (operation !== undefined) operation.responses = { ...operation.responses, default: ANY_ERROR };
    }
  }
  described.set(app, description);
  return description;
}

const ANY_ERROR = {
  description: "An error of the catalogue",
  content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
};
