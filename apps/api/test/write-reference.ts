/** Writes docs/reference anew: `node apps/api/test/write-reference.ts`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { renderConfigurationPage, renderErrorsPage } from "../src/http/reference.ts";

const folder = new URL("../../../docs/reference/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL("errors.md", folder), renderErrorsPage());
writeFileSync(new URL("configuration.md", folder), renderConfigurationPage());
