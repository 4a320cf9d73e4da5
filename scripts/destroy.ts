/**
 * Removes a deployment: nodes, then the Worker, and with `--delete-data` the database and the secrets. Without
 * `--confirm INSTALLATION` it says what would be removed and what would be kept.
 *
 * `npm run destroy -- [--delete-data] [--confirm INSTALLATION]`
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { getGivenWorkerSettings, readDeploymentSettings } from "./deploy/deployment-settings.ts";
import { createPorts, reportFailure } from "./deploy/ports.ts";
import { readConfig } from "./deploy/release.ts";
import { runRemoval } from "./deploy/run-removal.ts";

const root = join(import.meta.dirname, "..");

await reportFailure(async () => {
  const { values } = parseArgs({
    options: { "delete-data": { type: "boolean", default: false }, confirm: { type: "string" } },
  });
  const settings = readDeploymentSettings(process.env);
  const options = {
    settings,
    config: await readConfig(root),
    given: getGivenWorkerSettings(process.env),
    deleteData: values["delete-data"],
    confirmed: values.confirm ?? null,
  };
  await runRemoval(options, createPorts(root, settings));
});
