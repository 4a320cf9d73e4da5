/** `npm run deploy` and `npm run destroy` against a scripted Cloudflare account, with real wrangler, workerd and nodes. */
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type LocalCloud, startLocalCloud } from "@samovar/local-cloud";
import { jsonLogger, systemClock } from "@samovar/base";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connectToCloudflare } from "../../scripts/deploy/cloudflare-api.ts";
import {
  readDeploymentSettings,
  getGivenWorkerSettings,
  getHetznerUrl,
} from "../../scripts/deploy/deployment-settings.ts";
import { readRelease, type Release } from "../../scripts/deploy/release.ts";
import {
  type Deployment,
  type DeploymentOptions,
  type DeploymentPorts,
  runDeployment,
} from "../../scripts/deploy/run-deployment.ts";
import { createWrangler } from "../../scripts/deploy/wrangler.ts";
import { removeDirectory, temporaryDirectory } from "../harness/installation.ts";
import { makeRemote } from "../harness/repository.ts";
import { type ScriptedCloudflare, startScriptedCloudflare } from "./cloudflare/scripted-cloudflare.ts";
import { StackUnderMocks } from "./stack-under-mocks.ts";

const root = join(import.meta.dirname, "../..");
const CLOUD_TOKEN = "token-of-the-cloud";
let directory: string;
let cloudflare: ScriptedCloudflare;
let cloud: LocalCloud;
let release: Release;
let stack: StackUnderMocks;
const printed: string[] = [];

beforeAll(async () => {
  directory = await temporaryDirectory();
  cloudflare = await startScriptedCloudflare(directory);
  cloud = await startLocalCloud({
    dataDir: join(directory, "vm"),
    token: CLOUD_TOKEN,
    nodeBinary: process.execPath,
    serviceEnv: { WORKSPACE_RUNTIME: "process" },
    logger: jsonLogger({ clock: systemClock, write: () => {} }),
  });
  release = await readRelease(root);
  stack = new StackUnderMocks(cloudflare.account);
});

afterAll(async () => {
  await cloud.close({ servers: "stop" });
  await cloudflare.close();
  await removeDirectory(directory);
});

function makeOptions(changes: Partial<DeploymentOptions> = {}): DeploymentOptions {
  const env = {
    CLOUDFLARE_ACCOUNT_ID: cloudflare.account.id,
    CLOUDFLARE_API_TOKEN: cloudflare.account.token,
    CLOUDFLARE_API_BASE_URL: cloudflare.url,
    HETZNER_TOKEN: CLOUD_TOKEN,
    PULUMI_CONFIG_PASSPHRASE: "a passphrase",
    HETZNER_API_URL: cloud.url,
    PUBLIC_URL: cloudflare.runtime.url,
    ALLOW_LOCAL_REPOS: "true",
  };
  const given = getGivenWorkerSettings(env);
  return {
    settings: readDeploymentSettings(env),
    given,
    hetznerUrl: getHetznerUrl(given),
    release,
    previewOnly: false,
    smokeTask: null,
    ...changes,
  };
}

function makePorts(): DeploymentPorts {
  const { account, url: baseUrl } = cloudflare;
  const access = { accountId: account.id, token: account.token, baseUrl };
  return {
    api: connectToCloudflare(access),
    infrastructure: stack,
    wrangler: createWrangler(access),
    print: (line) => printed.push(line),
    pause: (ms) => setTimeout(Math.min(ms, 100)),
  };
}

const deploy = (changes?: Partial<DeploymentOptions>): Promise<Deployment | null> =>
  runDeployment(makeOptions(changes), makePorts());

test("[R52] a first deployment makes the database, migrates it, deploys and runs a task on a node made from its user data", async () => {
  const repository = makeRemote(join(directory, "remote"));

  const done = await deploy({ smokeTask: repository });

  console.log(cloudflare.account.calls.map((c) => `${c.method} ${c.path}`).join("\n"), printed.join("\n"));
  expect(done?.migrated).toEqual(release.migrations.map(({ name }) => name));
});

test("again", async () => {
  cloudflare.account.takeChanges();
  const done = await deploy();
  console.log(cloudflare.account.calls.map((c) => `${c.method} ${c.path}`).join("\n"), printed.join("\n"));
  expect(cloudflare.account.takeChanges()).toEqual([]);
  expect(done).toMatchObject({ migrated: [], uploaded: false });
});
