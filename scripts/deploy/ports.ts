/** The real services behind a deployment and a removal. */
import { setTimeout } from "node:timers/promises";
import { connectToCloudflare } from "./cloudflare-api.ts";
import { DeployError } from "./deploy-error.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import { createPulumi } from "./pulumi.ts";
import type { DeploymentPorts } from "./run-deployment.ts";
import { createWrangler } from "./wrangler.ts";

export function createPorts(root: string, settings: DeploymentSettings): DeploymentPorts {
  const account = {
    accountId: settings.CLOUDFLARE_ACCOUNT_ID,
    token: settings.CLOUDFLARE_API_TOKEN,
    baseUrl: settings.CLOUDFLARE_API_BASE_URL,
  };
  return {
    api: connectToCloudflare(account),
    infrastructure: createPulumi(root, settings),
    wrangler: createWrangler(account),
    print: (line) => console.log(line),
    pause: (ms) => setTimeout(ms),
  };
}

/** Prints what went wrong and what to do about it, and sets the exit code. */
export async function reportFailure(act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof DeployError)) throw error;
    console.error(`${error.message}\n${error.advice}`);
    process.exitCode = 1;
  }
}
