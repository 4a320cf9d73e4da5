/**
 * `packages/client/src/api-routes.ts`, generated from the OpenAPI document: what each route for people takes, so that a wrong
 * path, query or body of a client is a type error.
 */
import * as z from "zod";
import type { ApiDescription } from "./openapi.ts";

const WIDTH = 120;

const HEAD = `/** What each route takes, generated from the OpenAPI document by \`node apps/api/test/write-reference.ts\`. */
import type { IdTypes } from "@samovar/base";

`;

/** What is used of a JSON schema. */
interface Shape {
  readonly type?: string | readonly string[] | undefined;
  readonly pattern?: string | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly properties?: Readonly<Record<string, Shape>> | undefined;
  readonly required?: readonly string[] | undefined;
  readonly additionalProperties?: Shape | boolean | undefined;
  readonly items?: Shape | undefined;
  readonly anyOf?: readonly Shape[] | undefined;
  readonly oneOf?: readonly Shape[] | undefined;
}

const shape: z.ZodType<Shape> = z.lazy(() =>
  z.object({
    type: z.union([z.string(), z.array(z.string())]).optional(),
    pattern: z.string().optional(),
    enum: z.array(z.unknown()).optional(),
    properties: z.record(z.string(), shape).optional(),
    required: z.array(z.string()).optional(),
    additionalProperties: z.union([z.boolean(), shape]).optional(),
    items: shape.optional(),
    anyOf: z.array(shape).optional(),
    oneOf: z.array(shape).optional(),
  }),
);

const operation = z.object({
  parameters: z
    .array(z.object({ in: z.string(), name: z.string(), required: z.boolean().default(false), schema: shape }))
    .default([]),
  requestBody: z.object({ content: z.object({ "application/json": z.object({ schema: shape }) }) }).optional(),
});
type Operation = z.infer<typeof operation>;

/** A type, the fields of an object, or the options of a union; fields and options may stand on separate lines. */
type Rendered = string | readonly Field[] | { readonly options: readonly Rendered[] };
interface Field {
  readonly name: string;
  readonly optional: boolean;
  readonly type: Rendered;
}

/** `isForPeople`: whether a route such as `GET /api/nodes/{nodeId}` is part of the result. */
export function writeRouteTypes({ paths }: ApiDescription, isForPeople: (route: string) => boolean): string {
  const routes = Object.entries(paths ?? {}).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => ({ route: `${method.toUpperCase()} ${path}`, described })),
  );
  const fields = routes
    .filter(({ route }) => isForPeople(route))
    .toSorted((a, b) => (a.route < b.route ? -1 : 1))
    .map(({ route, described }) => ({
      name: `"${route}"`,
      optional: false,
      type: toRequest(operation.parse(described)),
    }));
  return `${HEAD}export interface ApiRoutes ${renderFields(fields, "")}\n`;
}

function toRequest({ parameters, requestBody }: Operation): readonly Field[] {
  const inPath = parameters.filter((parameter) => parameter.in === "path");
  const query = parameters.filter((parameter) => parameter.in === "query");
  const hasKey = parameters.some(({ name }) => name === "idempotency-key");
  const body = requestBody?.content["application/json"].schema;
  return [
    ...inPath.map(({ name, schema }) => ({ name, optional: false, type: toType(schema) })),
    ...(query.length === 0
      ? []
      : [{ name: "query", optional: query.every(isOptional), type: query.map(toQueryField) }]),
    ...(hasKey ? [{ name: "idempotencyKey", optional: true, type: "string" }] : []),
    ...(body === undefined ? [] : [{ name: "body", optional: false, type: toType(body) }]),
  ];
}

const isOptional = ({ required }: { readonly required: boolean }): boolean => !required;

/** An address can say nothing, but not null. */
function toQueryField({ name, required, schema }: Operation["parameters"][number]): Field {
  const type = typeof schema.type === "object" ? schema.type.filter((each) => each !== "null") : schema.type;
  return { name, optional: !required, type: toType({ ...schema, type }) };
}

function toType(schema: Shape): Rendered {
  const { type, properties, items, additionalProperties: values } = schema;
  const options = schema.anyOf ?? schema.oneOf;
  if (options !== undefined) return { options: options.map(toType) };
  if (schema.enum !== undefined) return { options: schema.enum.map((value) => JSON.stringify(value)) };
  if (typeof type === "object") return { options: type.map((each) => toType({ ...schema, type: each })) };
  switch (type) {
    case "object": {
      if (properties === undefined)
        return `Readonly<Record<string, ${typeof values === "object" ? render(toType(values)) : "unknown"}>>`;
      const { required = [] } = schema;
      return Object.entries(properties).map(([name, each]) => ({
        name,
        optional: !required.includes(name),
        type: toType(each),
      }));
    }
    case "array": {
      const item = render(toType(items ?? {}));
      return `readonly ${item.includes(" | ") ? `(${item})` : item}[]`;
    }
    case "string":
      return toStringType(schema.pattern);
    case "integer":
      return "number";
    case "number":
    case "boolean":
    case "null":
      return type;
    default:
      return "unknown";
  }
}

/** A branded id, or a credential's kind, by its pattern. */
function toStringType(pattern = ""): string {
  const prefix = /^\^([a-z]{3})_\[/.exec(pattern)?.[1];
  if (prefix !== undefined) return `IdTypes["${prefix}"]`;
  const literal = /^\^([a-z]+:)\.\*\$$/.exec(pattern)?.[1];
  return literal === undefined ? "string" : `\`${literal}\${string}\``;
}

function render(type: Rendered): string {
  if (typeof type === "string") return type;
  if ("options" in type) return [...new Set(type.options.map(render))].join(" | ");
  // Any object is a `{}`: this one takes no field.
  return type.length === 0
    ? "{ body?: never }"
    : `{ ${type.map((field) => `${renderName(field)}: ${render(field.type)}`).join("; ")} }`;
}

const renderName = ({ name, optional }: Field): string => `${name}${optional ? "?" : ""}`;

/** Each field on one line where that fits. */
function renderFields(fields: readonly Field[], indent: string): string {
  const inner = `${indent}  `;
  return `{\n${fields.map((field) => `${inner}${renderName(field)}:${renderType(field, inner)};`).join("\n")}\n${indent}}`;
}

function renderType({ name, type }: Field, indent: string): string {
  const line = ` ${render(type)}`;
  if (typeof type === "string" || `${indent}${name}?:${line};`.length <= WIDTH) return line;
  if ("options" in type) return type.options.map((option) => `\n${indent}  | ${render(option)}`).join("");
  return ` ${renderFields(type, indent)}`;
}
