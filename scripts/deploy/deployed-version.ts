/** What Cloudflare runs now: decides whether a deployment may follow it, and whether it would change anything. */
import type { WranglerConfig } from "@samovar/api/wrangler-config";
import * as z from "zod";
import type { CloudflareApi } from "./cloudflare-api.ts";
import { DeployError } from "./deploy-error.ts";
import type { WorkerPlan } from "./worker-plan.ts";

const deployments = z.object({
  deployments: z.array(z.object({ versions: z.array(z.object({ version_id: z.string(), percentage: z.number() })) })),
});
const version = z.object({ annotations: z.record(z.string(), z.unknown()).optional() });
const schedules = z.object({ schedules: z.array(z.object({ cron: z.string() })) });

const service = z.object({
  default_environment: z.object({ script: z.object({ migration_tag: z.string().optional() }) }),
});

export async function exists(api: CloudflareApi, name: string): Promise<boolean> {
  return (await api.find(`{account}/workers/services/${name}`, z.unknown())) !== null;
}

/**
 * Throws {@link DeployError} if the deployed Worker has an object migration that this checkout does not know: wrangler would
 * apply all of the checkout's migrations again.
 */
export async function refuseOlderCheckout(api: CloudflareApi, { name, migrations }: WranglerConfig): Promise<void> {
  const deployed = await api.find(`{account}/workers/services/${name}`, service);
  const tag = deployed?.default_environment.script.migration_tag;
  if (tag === undefined || migrations.some((each) => each.tag === tag)) return;
  throw new DeployError(
    `The deployed Worker has the object migration ${tag}, which this checkout does not have: the checkout is older.`,
    "Nothing was changed. Deploy a version that has it; there is no way back over an object migration.",
  );
}

/**
 * Whether the version with this tag has all requests, and what wrangler makes after it exists too: an interrupted deployment
 * is not complete.
 */
export async function isDeployed(api: CloudflareApi, plan: WorkerPlan, tag: string): Promise<boolean> {
  const script = `{account}/workers/scripts/${plan.name}`;
  const active = (await api.find(`${script}/deployments`, deployments))?.deployments[0]?.versions ?? [];
  const [only] = active;
  if (only === undefined || active.length > 1) return false;
  const [running, planned, workflow] = await Promise.all([
    api.find(`${script}/versions/${only.version_id}`, version),
    api.find(`${script}/schedules`, schedules),
    api.find(`{account}/workflows/${plan.workflow}`, z.unknown()),
  ]);
  const crons = planned?.schedules.map(({ cron }) => cron) ?? [];
  return running?.annotations?.["workers/tag"] === tag && crons.join() === plan.cron && workflow !== null;
}
