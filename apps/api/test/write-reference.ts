/** Writes docs/reference and the clients' route types anew: `node apps/api/test/write-reference.ts`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { renderConfigurationPage, renderErrorsPage } from "../src/http/reference.ts";
import { routeTypes } from "./route-types.ts";

const folder = new URL("../../../docs/reference/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("errors.md", folder), renderErrorsPage());
writeFileSync(new URL("configuration.md", folder), renderConfigurationPage());
writeFileSync(new URL("../../../packages/client/src/api-routes.ts", import.meta.url), routeTypes());
