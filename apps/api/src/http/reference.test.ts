import { ERROR_CATALOGUE } from "@samovar/contracts";
import { expect, it } from "vitest";
import configuration from "../../../../docs/reference/configuration.md?raw";
import errors from "../../../../docs/reference/errors.md?raw";
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
