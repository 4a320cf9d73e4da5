import { ERROR_CATALOGUE } from "@samovar/contracts";
import { expect, it } from "vitest";
import configuration from "../../../../docs/reference/configuration.md?raw";
import errors from "../../../../docs/reference/errors.md?raw";
import { routeTypes } from "../../test/route-types.ts";
import { settings } from "../config.ts";
import { renderConfigurationPage, renderErrorsPage } from "./reference.ts";

const HINT = "the reference is behind: node apps/api/test/write-reference.ts";

it("docs/reference/errors.md is the catalogue", () => {
  expect(errors, HINT).toBe(renderErrorsPage());
  for (const [code, { status }] of Object.entries(ERROR_CATALOGUE))
    expect(errors).toContain(`| \`${code}\` | ${status} |`);
});

it("docs/reference/configuration.md is the settings", () => {
  expect(configuration, HINT).toBe(renderConfigurationPage());
  for (const name of Object.keys(settings.shape)) expect(configuration).toContain(`| \`${name}\` |`);
});

const { ["../../../../packages/client/src/api-routes.ts"]: routes } = import.meta.glob(
  "../../../../packages/client/src/api-routes.ts",
  { query: "?raw", import: "default", eager: true },
);

it("packages/client/src/api-routes.ts is the OpenAPI document's routes for people, without those of nodes", () => {
  expect(routes, HINT).toBe(routeTypes());
  expect(routes).toContain('"PATCH /api/projects/{projectId}"');
  expect(routes).not.toContain("/bootstrap");
});
