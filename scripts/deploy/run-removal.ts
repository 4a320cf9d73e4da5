/**
 * The procedure of `npm run destroy`: first nodes, through Samovar, then the Worker, which could create new ones, then what is
 * left at the provider, and with `deleteData` the stack. Each step may be repeated.
 */
import type { WranglerConfig } from "@samovar/api/wrangler-config";
import { removeInstallation } from "@samovar/providers";
import * as z from "zod";
import { findZone } from "./check-access.ts";
import type { CloudflareApi } from "./cloudflare-api.ts";
import { openClouds } from "./clouds.ts";
import { exists } from "./deployed-version.ts";
import { DeployError } from "./deploy-error.ts";
import type { DeploymentSettings } from "./deployment-settings.ts";
import type { Infrastructure, StackOutputs } from "./infrastructure.ts";
import { withOwner } from "./samovar-access.ts";
import type { Waiting } from "./smoke-test.ts";

export interface RemovalOptions {
  readonly settings: DeploymentSettings;
  readonly config: WranglerConfig;
  /** The Worker's settings from the environment. */
  readonly given: Readonly<Record<string, string>>;
  /** Also the database and the secrets. */
  readonly deleteData: boolean;
  /** The installation's id, which confirms the removal. */
  readonly confirmed: string | null;
}

export interface RemovalPorts extends Waiting {
  readonly api: CloudflareApi;
  readonly infrastructure: Infrastructure;
  readonly print: (line: string) => void;
}

const PAUSE_MS = 2_000;

/** Throws {@link DeployError}, without having removed anything if the removal was not confirmed. */
export async function runRemoval(options: RemovalOptions, ports: RemovalPorts): Promise<void> {
  const { settings, config, deleteData } = options;
  const { infrastructure, api, print } = ports;
  await infrastructure.check();
  const outputs = await infrastructure.read();
  if (outputs === null)
    throw new DeployError(
      `The stack ${settings.PULUMI_STACK} has no installation.`,
      "There is nothing to remove. Check that PULUMI_STACK and PULUMI_BACKEND_URL are those of the deployment.",
    );
  for (const line of describeRemoval(outputs, deleteData)) print(line);
  if (options.confirmed !== outputs.installationId)
    throw new DeployError(
      "Nothing was removed.",
      `To remove it, run: npm run destroy -- ${deleteData ? "--delete-data " : ""}--confirm ${outputs.installationId}`,
    );

  if (await exists(api, config.name)) {
    await destroyNodes(outputs, await findAddress(options, api), ports);
    await deleteWorker(options, ports);
  }
  await deleteLeftServers(options, outputs, ports);
  // Without a domain: its record goes in any case.
  await infrastructure.update({
    accountId: settings.CLOUDFLARE_ACCOUNT_ID,
    databaseName: config.d1_databases[0].database_name,
    databaseLocation: settings.DATABASE_LOCATION,
    domain: null,
    keepData: !deleteData,
  });
  if (!deleteData) return;
  await infrastructure.remove();
  print("The database and the secrets are deleted.");
}

async function deleteWorker({ config, settings }: RemovalOptions, { api, print }: RemovalPorts): Promise<void> {
  if (settings.SAMOVAR_DOMAIN !== null) await deleteRoutes(api, settings.SAMOVAR_DOMAIN, config.name);
  for (const { name } of config.workflows) {
    const path = `{account}/workflows/${name}`;
    if ((await api.find(path, z.unknown())) !== null) await api.call("DELETE", path, z.unknown());
  }
  // Forced: with its objects, which it is bound to.
  await api.call("DELETE", `{account}/workers/scripts/${config.name}?force=true`, z.unknown());
  print("The Worker, its objects, its workflow and its schedule are deleted.");
}

const zoneRoutes = z.array(z.object({ id: z.string(), script: z.string().optional() }));

async function deleteRoutes(api: CloudflareApi, domain: string, script: string): Promise<void> {
  const zone = await findZone(api, domain);
  if (zone === null) return;
  const routes = await api.call("GET", `zones/${zone.id}/workers/routes`, zoneRoutes);
  for (const route of routes.filter((each) => each.script === script))
    await api.call("DELETE", `zones/${zone.id}/workers/routes/${route.id}`, z.unknown());
}

function describeRemoval({ installationId, databaseId }: StackOutputs, deleteData: boolean): string[] {
  const data = `the D1 database ${databaseId} (projects, tasks, events) and the stack with the installation's secrets`;
  return [
    `Removal of ${installationId}:`,
    "  removed: its nodes and servers; the Worker with its objects, which hold all messages; the workflow; the schedule; the domain's route and record",
    `  ${deleteData ? "removed" : "kept"}: ${data}${deleteData ? "" : "; --delete-data removes them too"}`,
    "  kept: the account's name below workers.dev, which other Workers may use; tokens, which you revoke yourself",
  ];
}

async function findAddress({ given, settings, config }: RemovalOptions, api: CloudflareApi): Promise<string> {
  const publicUrl = given["PUBLIC_URL"];
  if (publicUrl !== undefined) return publicUrl;
  if (settings.SAMOVAR_DOMAIN !== null) return `https://${settings.SAMOVAR_DOMAIN}`;
  const { subdomain } = await api.call("GET", "{account}/workers/subdomain", z.object({ subdomain: z.string() }));
  return `https://${config.name}.${subdomain}.workers.dev`;
}

/** Best effort: servers that a broken Worker cannot destroy are found in the provider's list. */
async function destroyNodes(
  { operatorSecret }: StackOutputs,
  url: string,
  { print, pause }: RemovalPorts,
): Promise<void> {
  try {
    const count = await withOwner({ url, operatorSecret }, { pause }, async (client) => {
      const nodes = await client.nodes();
      for (const { id } of nodes) await client.destroyNode(id);
      while ((await client.nodes()).length > 0) await pause(PAUSE_MS);
      return nodes.length;
    });
    print(`Nodes destroyed: ${count}.`);
  } catch (error) {
    print(`The Worker could not destroy its nodes (${error instanceof Error ? error.message : String(error)}).`);
  }
}

/** Deletes every server with the installation's label, even one created while the Worker was being deleted, and their firewall. */
async function deleteLeftServers(
  { settings, given }: RemovalOptions,
  { installationId }: StackOutputs,
  { print, pause }: RemovalPorts,
): Promise<void> {
  for (const { provider } of openClouds(settings, given, installationId)) {
    const removal = await removeInstallation(provider, () => pause(PAUSE_MS));
    const reason = removal.ok ? removal.value.remaining.join(", ") : removal.error.message;
    if (reason !== "")
      throw new DeployError(
        `Not everything at ${provider.name} was deleted: ${reason}`,
        "Run the same command again; until then servers may cost money.",
      );
    const deleted = removal.ok ? removal.value.servers.length : 0;
    print(`At ${provider.name}: ${deleted === 0 ? "no server is left" : `${deleted} more servers deleted`}.`);
  }
}
