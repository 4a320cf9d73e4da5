/** What a deployment refuses before it changes anything, and how it goes on after an interruption. */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { readDeploymentSettings } from "../../scripts/deploy/deployment-settings.ts";
import { planDryRun } from "../../scripts/deploy/dry-run.ts";
import { planWorker } from "../../scripts/deploy/worker-plan.ts";
import { createWrangler } from "../../scripts/deploy/wrangler.ts";
import { Rig } from "./rig.ts";

let rig: Rig;

beforeAll(async () => {
  rig = await Rig.start();
});

afterAll(() => rig.close());

beforeEach(() => {
  rig.account.takeChanges();
  rig.account.lacking.clear();
});

test("[R52] every missing setting is named at once, with where it is found", () => {
  expect(() => readDeploymentSettings({ SAMOVAR_DOMAIN: "not a name" })).toThrow(
    /CLOUDFLARE_ACCOUNT_ID: .*dashboard.*\n.*CLOUDFLARE_API_TOKEN: .*\n.*PULUMI_CONFIG_PASSPHRASE: .*\n.*SAMOVAR_DOMAIN: .*\n.*HETZNER_TOKEN: .*DIGITALOCEAN_TOKEN/,
  );
});

test("[R52] a token that Cloudflare does not know is refused before anything changes", async () => {
  await expect(rig.deploy({ env: { CLOUDFLARE_API_TOKEN: "wrong" } })).rejects.toThrow(
    "Cloudflare does not accept CLOUDFLARE_API_TOKEN.",
  );
  expect([rig.account.takeChanges(), rig.stack]).toEqual([[], null]);
});

test("[R52] every permission that a token lacks is named at once, before anything changes", async () => {
  for (const path of ["workers/scripts", "d1/"]) rig.account.lacking.add(path);

  await expect(rig.deploy({ env: { SAMOVAR_DOMAIN: "tea.example.org", HETZNER_TOKEN: "wrong" } })).rejects.toThrow(
    /lacks: Account · Workers Scripts · Edit\n.*lacks: Account · D1 · Edit\n.*tea\.example\.org is in no zone.*\n.*hetzner does not accept HETZNER_TOKEN/,
  );
  expect([rig.account.takeChanges(), rig.stack]).toEqual([[], null]);
});

test("[R52] a setting that the Worker would refuse is refused before the database and the Worker change", async () => {
  expect(() => rig.deploy({ env: { NODE_SLOTS: "many" } })).toThrow(/NODE_SLOTS/);
  expect([rig.account.takeChanges(), rig.stack]).toEqual([[], null]);
});

test("[R52] a preview changes nothing", async () => {
  expect(await rig.deploy({ previewOnly: true })).toBeNull();
  expect([rig.account.takeChanges(), rig.stack]).toEqual([[], {}]);
});

test("[R52] a dry run needs no account, and leaves no file behind", async () => {
  const scratch = join(rig.directory, "scratch");
  mkdirSync(scratch);
  vi.stubEnv("TMPDIR", scratch);

  const report = await createWrangler(null).dryRun(planDryRun(rig.release, {}));

  vi.unstubAllEnvs();
  expect(report).toMatch(/env\.NODE_LIFECYCLE \(NodeLifecycle\)[\s\S]*env\.SIGNING_KEY \("\(hidden\)"\)/);
  expect(report).toMatch(/--dry-run: exiting now/);
  expect(readdirSync(scratch).filter((name) => name.startsWith("samovar-deploy-"))).toEqual([]);
});

test("[R52] a secret that is missing is named, and nothing is deployed", async () => {
  const { account } = rig;
  account.subdomain = "tea";
  account.databases.set("00000000-0000-4000-8000-000000000000", "samovar");
  const plan = planDryRun(rig.release, {});
  const { SIGNING_KEY: _missing, ...secrets } = plan.secrets;
  const wrangler = createWrangler({ accountId: account.id, token: account.token, baseUrl: rig.cloudflare.url });

  await expect(wrangler.deploy({ ...plan, secrets }, { tag: "tag", message: "message" })).rejects.toThrow(
    /required secrets have not been set: SIGNING_KEY/,
  );
  expect(account.workers.size).toBe(0);
});

test("[R52] a name below workers.dev that the account cannot have is refused with how to choose another", async () => {
  rig.account.subdomain = null;
  rig.account.lacking.add("PUT workers/subdomain");

  await expect(rig.deploy({ env: { SAMOVAR_WORKERS_SUBDOMAIN: "taken" } })).rejects.toMatchObject({
    message: expect.stringContaining("cannot have the name taken.workers.dev"),
    advice: expect.stringContaining("SAMOVAR_WORKERS_SUBDOMAIN"),
  });
  expect(rig.account.workers.size).toBe(0);
});

test("[R52] a deployment that was interrupted after the upload is completed by the next one", async () => {
  rig.account.lacking.add("PUT workflows");
  await expect(rig.deploy()).rejects.toThrow(/wrangler deploy failed/);
  expect(rig.account.workflows.size).toBe(0);

  rig.account.lacking.clear();
  expect(await rig.deploy()).toMatchObject({ uploaded: true, migrated: [] });
  expect([...rig.account.workflows.keys()]).toEqual(["task-run"]);
});

test.each([
  ["and not below workers.dev", "", false],
  ["and not below workers.dev for another former address", "https://old.example.org", false],
  ["and still below workers.dev while nodes have that address", "https://samovar.tea.workers.dev", true],
])("[R52] with a domain the Worker answers on its route %s", (_where, former, isOnWorkersDev) => {
  const { config, main, assets, agent } = rig.release;
  const outputs = {
    installationId: "samovar-test",
    databaseId: "database",
    operatorSecret: "o".repeat(32),
    credentialsKey: Buffer.alloc(32).toString("base64"),
    signingSeed: Buffer.alloc(32, 1).toString("base64"),
  };
  const domain = { name: "tea.example.org", zone: "example.org" };

  const plan = planWorker({
    config,
    main,
    assets,
    release: agent,
    outputs,
    domain,
    publicUrl: "https://tea.example.org",
    given: { FORMER_PUBLIC_URLS: former },
  });

  expect(plan.wrangler).toMatchObject({
    workers_dev: isOnWorkersDev,
    routes: [{ pattern: "tea.example.org/*", zone_name: "example.org" }],
    vars: { PUBLIC_URL: "https://tea.example.org" },
  });
});
