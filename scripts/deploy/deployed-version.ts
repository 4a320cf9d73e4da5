/** What Cloudflare runs now, so that a deployment that would change nothing is left out. */
import * as z from "zod";
import type { CloudflareApi } from "./cloudflare-api.ts";
import type { WorkerPlan } from "./worker-plan.ts";

const deployments = z.object({
  deployments: z.array(z.object({ versions: z.array(z.object({ version_id: z.string(), percentage: z.number() })) })),
});
const version = z.object({ annotations: z.record(z.string(), z.unknown()).optional() });
const schedules = z.object({ schedules: z.array(z.object({ cron: z.string() })) });

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
