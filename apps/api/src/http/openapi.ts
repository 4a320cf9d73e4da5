/** The description of the API (OpenAPI 3.1), made from the very schemas that parse its requests. */
import { errorBody } from "@samovar/contracts";
import * as z from "zod";
import type { Router } from "./context.ts";

type Definition = Router["openAPIRegistry"]["definitions"][number];
type RouteDefinition = Extract<Definition, { type: "route" }>["route"];
type JsonSchema = Record<string, unknown>;

const INFO = { title: "Samovar", version: "0.1.0", description: "Runs coding tasks on machines it looks after." };

/** Everything that is mounted on `app`. */
export function describeApi(app: Router) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const definition of app.openAPIRegistry.definitions) {
    if (definition.type !== "route") continue;
    const { route } = definition;
    (paths[route.path] ??= {})[route.method] = operation(route);
  }
  return { openapi: "3.1.0", info: INFO, paths };
}

function operation(route: RouteDefinition) {
  const { request } = route;
  const body = request?.body;
  return {
    ...(route.summary === undefined ? {} : { summary: route.summary }),
    parameters: [
      ...parameters(request?.params, "path"),
      ...parameters(request?.query, "query"),
      ...parameters(request?.headers, "header"),
    ],
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.required === true, content: contentOf(body.content, "input") } }),
    responses: {
      ...Object.fromEntries(Object.entries(route.responses).map(([status, answer]) => [status, response(answer)])),
      default: {
        description: "An error of the catalogue",
        content: { "application/json": { schema: schemaOf(errorBody, "output") } },
      },
    },
  };
}

function response(answer: unknown) {
  if (typeof answer !== "object" || answer === null) return { description: "" };
  const description = "description" in answer ? answer.description : "";
  if (!("content" in answer)) return { description };
  return { description, content: contentOf(answer.content, "output") };
}

function contentOf(content: unknown, io: "input" | "output"): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(content ?? {}).map(([type, media]: [string, unknown]) => {
      const schema = typeof media === "object" && media !== null && "schema" in media ? media.schema : undefined;
      return [type, { schema: schemaOf(schema, io) }];
    }),
  );
}

/** One parameter for each field of the schema of the path, the query or the headers. */
function parameters(schema: unknown, place: "path" | "query" | "header") {
  if (!(schema instanceof z.ZodObject)) return [];
  const { properties = {}, required = [] } = objectParts(schemaOf(schema, "input"));
  return Object.entries(properties).map(([name, field]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: field,
  }));
}

function objectParts(schema: JsonSchema): { properties?: Record<string, unknown>; required?: readonly unknown[] } {
  const { properties, required } = schema;
  return {
    ...(typeof properties === "object" && properties !== null ? { properties: { ...properties } } : {}),
    ...(Array.isArray(required) ? { required } : {}),
  };
}

function schemaOf(schema: unknown, io: "input" | "output"): JsonSchema {
  if (!(schema instanceof z.ZodType)) return {};
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    // Ids are checked by a function; what they are to a reader is text.
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema instanceof z.ZodCustom) jsonSchema.type = "string";
    },
  });
  return rest;
}
