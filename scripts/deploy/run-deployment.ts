/**
 * The procedure of `npm run deploy`, in the order of the steps' dependencies. Every step first checks what exists, so the whole
 * can be repeated after any failure, and changes nothing if nothing has changed.
 */
import { applyMigrations } from "@samovar/api/database/migrate";
import { keepReleases, readEarlierReleases, readFromUrl } from "../keep-releases.ts";
import { checkAccess } from "./check-access.ts";
import type { CloudflareApi } from "./cloudflare-api.ts";
import { getCloudSecrets, openClouds } from "./clouds.ts";
import { openDatabase, readBookmark } from "./d1-over-http.ts";
import { exists, isDeployed, refuseOlderCheckout } from "./deployed-version.ts";
import { DeployError } from "./deploy-error.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import type { Infrastructure, StackOutputs } from "./infrastructure.ts";
import { digestFiles, type Release } from "./release.ts";
import { withOwner } from "./samovar-access.ts";
import { runSmokeTask, waitUntilHealthy, type Waiting } from "./smoke-test.ts";
import { computeTag, planWorker } from "./worker-plan.ts";
import { ensureSubdomain } from "./workers-subdomain.ts";
import type { Wrangler } from "./wrangler.ts";

export interface DeploymentOptions {
  readonly settings: DeploymentSettings;
  /** The Worker's settings from the environment. */
  readonly given: Readonly<Record<string, string>>;
  readonly release: Release;
  /** Shows what would change, and changes nothing. */
  readonly previewOnly: boolean;
  /** A repository on which the smoke test runs a task; null: no task. */
  readonly smokeTask: string | null;
}

export interface DeploymentPorts extends Waiting {
  readonly api: CloudflareApi;
  readonly infrastructure: Infrastructure;
  readonly wrangler: Wrangler;
  /** Prints a line. */
  readonly print: (line: string) => void;
}

export interface Deployment {
  readonly url: string;
  readonly signInLink: string;
  /** The names of the migrations that were applied. */
  readonly migrated: readonly string[];
  /** False if the same version ran already. */
  readonly uploaded: boolean;
}

/** Access is checked before there is an installation. */
const NOT_YET_KNOWN = "samovar-check";

/** Null after a preview. Throws {@link DeployError}. */
export async function runDeployment(options: DeploymentOptions, ports: DeploymentPorts): Promise<Deployment | null> {
  const { settings, release } = options;
  const { api, infrastructure, print } = ports;
  const clouds = openClouds(settings, options.given, NOT_YET_KNOWN);
  await infrastructure.check();
  const zone = await checkAccess(api, clouds, settings.SAMOVAR_DOMAIN);
  await refuseOlderCheckout(api, release.config);
  print("Accounts, tokens and permissions are sufficient.");
  const [database] = release.config.d1_databases;
  const domain =
    settings.SAMOVAR_DOMAIN === null || zone === null ? null : { name: settings.SAMOVAR_DOMAIN, zone: zone.name };
  const stack = {
    accountId: settings.CLOUDFLARE_ACCOUNT_ID,
    databaseName: database.database_name,
    databaseLocation: settings.DATABASE_LOCATION,
    domain: domain === null || zone === null ? null : { name: domain.name, zoneId: zone.id },
    keepData: true,
  };
  print((await infrastructure.preview(stack)).trim());
  if (options.previewOnly) return null;

  const outputs = await infrastructure.update(stack);
  print(`Installation ${outputs.installationId}: its database and secrets exist.`);
  const subdomain = await ensureSubdomain(api, settings.SAMOVAR_WORKERS_SUBDOMAIN ?? outputs.installationId);
  const host = domain?.name ?? `${release.config.name}.${subdomain}.workers.dev`;
  const url = options.given["PUBLIC_URL"] ?? `https://${host}`;
  const plan = planWorker({
    config: release.config,
    main: release.main,
    assets: release.assets,
    release: release.agent,
    outputs,
    publicUrl: url,
    domain,
    given: options.given,
  });

  const { bookmark, migrated } = await migrate(outputs, options, ports);
  if (await exists(api, plan.name)) await keepDeployedFiles(url, release, print);
  const tag = computeTag(plan, await digestFiles(release));
  const isSame = await isDeployed(api, plan, tag);
  if (isSame) print("The Worker: this version runs already.");
  else {
    await ports.wrangler.deploy(plan, { tag, message: `D1 before this version: ${bookmark}` });
    print(`The Worker: version ${tag} is deployed.`);
  }

  await waitUntilHealthy(url, ports);
  const signInLink = await withOwner({ url, operatorSecret: outputs.operatorSecret }, ports, async (client) => {
    const known = new Set((await client.credentials()).map(({ kind }) => kind));
    for (const secret of getCloudSecrets(settings))
      if (!isSame || !known.has(secret.kind)) await client.putCredential(secret);
    const link = await client.createLink();
    if (options.smokeTask !== null)
      print(`Smoke task: ${await runSmokeTask(client, options.smokeTask, ports)} completed.`);
    return link.url;
  });
  print(`Samovar runs at ${url}`);
  print(`Sign in within 15 minutes: ${signInLink}`);
  return { url, signInLink, migrated, uploaded: !isSame };
}

/** Keeps the files that nodes and open pages load from the deployed releases. A Worker that does not answer must not prevent its repair. */
async function keepDeployedFiles(url: string, { assets }: Release, print: (line: string) => void): Promise<void> {
  try {
    await keepReleases(assets, await readEarlierReleases(readFromUrl(url)));
  } catch (error) {
    print(`The files of the deployed release cannot be read, so they are not kept: ${String(error)}`);
  }
}

async function migrate(
  { databaseId }: StackOutputs,
  { release }: DeploymentOptions,
  { api, print }: DeploymentPorts,
): Promise<{ readonly bookmark: string; readonly migrated: readonly string[] }> {
  const bookmark = await readBookmark(api, databaseId);
  try {
    const migrated = await applyMigrations(openDatabase(api, databaseId), release.migrations);
    if (migrated.length === 0) print("The database: no new migration.");
    else print(`The database: ${migrated.join(", ")} applied. Its state before, for Time Travel: ${bookmark}`);
    return { bookmark, migrated };
  } catch (error) {
    throw new DeployError(
      `The database was not migrated: ${error instanceof Error ? error.message : String(error)}`,
      `The Worker was not changed. The database's state before, for Time Travel: ${bookmark}`,
    );
  }
}
