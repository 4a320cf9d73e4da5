/**
 * Deploys Samovar to Cloudflare, with nodes at Hetzner. docs/self-hosting.md describes it step by step.
 *
 * `npm run deploy -- [--dry-run | --preview] [--smoke-task REPOSITORY]`
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { getGivenWorkerSettings, readDeploymentSettings } from "./deploy/deployment-settings.ts";
import { planDryRun } from "./deploy/dry-run.ts";
import { createPorts, reportFailure } from "./deploy/ports.ts";
import { readRelease } from "./deploy/release.ts";
import { runDeployment } from "./deploy/run-deployment.ts";
import { createWrangler } from "./deploy/wrangler.ts";

const root = join(import.meta.dirname, "..");

await reportFailure(async () => {
  const { values } = parseArgs({
    options: {
      "dry-run": { type: "boolean", default: false },
      preview: { type: "boolean", default: false },
      "smoke-task": { type: "string" },
    },
  });
  // Before the build, which takes longer than to say what is missing.
  const settings = values["dry-run"] ? null : readDeploymentSettings(process.env);
  execFileSync(process.execPath, [join(root, "scripts/build.ts")], { stdio: "inherit" });
  const release = await readRelease(root);
  const given = getGivenWorkerSettings(process.env);
  if (settings === null) {
    console.log(await createWrangler(null).dryRun(planDryRun(release, given)));
    return;
  }
  const smokeTask = values["smoke-task"] ?? null;
  const options = { settings, given, release, previewOnly: values.preview, smokeTask };
  await runDeployment(options, createPorts(root, settings));
});
