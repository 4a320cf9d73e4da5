/**
 * The account's name below workers.dev. Workflows need one even if the Worker has a domain, and Pulumi's provider has no
 * resource for it. Once created, it stays with the account.
 */
import * as z from "zod";
import { type CloudflareApi, CloudflareError, CLOUDFLARE_CODES } from "./cloudflare-api.ts";
import { DeployError } from "./deploy-error.ts";

const PATH = "{account}/workers/subdomain";
const answer = z.object({ subdomain: z.string().nullable() });

/** Returns the account's subdomain. Creates one of this name if it has none. */
export async function ensureSubdomain(api: CloudflareApi, wanted: string): Promise<string> {
  const known = await findSubdomain(api);
  if (known !== null) return known;
  try {
    await api.call("PUT", PATH, answer, { subdomain: wanted });
    return wanted;
  } catch (error) {
    if (!(error instanceof CloudflareError) || error.status >= 500) throw error;
    throw new DeployError(
      `The account cannot have the name ${wanted}.workers.dev: ${error.message}`,
      "Choose another with SAMOVAR_WORKERS_SUBDOMAIN; it must be unused by any account.",
    );
  }
}

async function findSubdomain(api: CloudflareApi): Promise<string | null> {
  try {
    return (await api.call("GET", PATH, answer)).subdomain || null;
  } catch (error) {
    if (error instanceof CloudflareError && error.codes.includes(CLOUDFLARE_CODES.noSubdomain)) return null;
    throw error;
  }
}
