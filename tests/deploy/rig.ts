/** A scripted Cloudflare account, a local cloud for the nodes, and deployments between them. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { cp } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { jsonLogger, systemClock } from "@samovar/base";
import { type LocalCloud, startLocalCloud } from "@samovar/local-cloud";
import { connectToCloudflare } from "../../scripts/deploy/cloudflare-api.ts";
import {
  type DeploymentSettings,
  getGivenWorkerSettings,
  readDeploymentSettings,
} from "../../scripts/deploy/deployment-settings.ts";
import { createPulumi } from "../../scripts/deploy/pulumi.ts";
import { readRelease, type Release } from "../../scripts/deploy/release.ts";
import { type Deployment, type DeploymentPorts, runDeployment } from "../../scripts/deploy/run-deployment.ts";
import { runRemoval } from "../../scripts/deploy/run-removal.ts";
import { createWrangler } from "../../scripts/deploy/wrangler.ts";
import { removeDirectory, temporaryDirectory } from "../harness/installation.ts";
import { type ScriptedCloudflare, startScriptedCloudflare } from "./cloudflare/scripted-cloudflare.ts";
import { installScriptedPulumi } from "./pulumi/install-scripted-pulumi.ts";
import { programReply, type ProgramReply } from "./pulumi/run-program.ts";

const root = join(import.meta.dirname, "../..");
const CLOUD_TOKEN = "token-of-the-cloud";
const LONGEST_PAUSE_MS = 100;

export interface Wanted {
  readonly release?: Release;
  readonly env?: Readonly<Record<string, string>>;
  readonly smokeTask?: string;
  readonly previewOnly?: boolean;
  /** Instead of waiting between two looks. */
  readonly pause?: () => Promise<void>;
}

export class Rig {
  /** The lines of all deployments and removals. */
  readonly printed: string[] = [];
  readonly directory: string;
  readonly cloudflare: ScriptedCloudflare;
  readonly cloud: LocalCloud;
  readonly release: Release;
  readonly #pulumiEnvironment: NodeJS.ProcessEnv;

  private constructor(directory: string, cloudflare: ScriptedCloudflare, cloud: LocalCloud, release: Release) {
    this.directory = directory;
    this.cloudflare = cloudflare;
    this.cloud = cloud;
    this.release = release;
    this.#pulumiEnvironment = installScriptedPulumi(join(directory, "bin"), cloudflare);
  }

  static async start(): Promise<Rig> {
    const directory = await temporaryDirectory();
    const cloud = await startLocalCloud({
      dataDir: join(directory, "vm"),
      token: CLOUD_TOKEN,
      nodeBinary: process.execPath,
      serviceEnv: { WORKSPACE_RUNTIME: "process" },
      logger: jsonLogger({ clock: systemClock, write: () => {} }),
    });
    const built = await readRelease(root);
    // A deployment adds the files of earlier releases to it.
    const release = { ...built, assets: join(directory, "web") };
    await cp(built.assets, release.assets, { recursive: true });
    return new Rig(directory, await startScriptedCloudflare(directory), cloud, release);
  }

  async close(): Promise<void> {
    await this.cloud.close({ servers: "stop" });
    await this.cloudflare.close();
    await removeDirectory(this.directory);
  }

  get account() {
    return this.cloudflare.account;
  }

  get #backend(): string {
    return join(this.directory, "stacks");
  }

  /** The stack's resources; null if there is no stack. */
  get stack(): ProgramReply["state"] | null {
    const file = join(this.#backend, "samovar.json");
    return existsSync(file) ? programReply.parse(JSON.parse(readFileSync(file, "utf8"))).state : null;
  }

  get installationId(): string {
    return String(this.stack?.["installation"]?.outputs["hex"]);
  }

  /** The present state of the deployed Worker. */
  get worker() {
    const worker = this.account.workers.get(this.release.config.name);
    const version = worker?.versions.find(({ id }) => id === worker.active);
    if (worker === undefined || version === undefined) throw new Error("no Worker is deployed");
    return { ...worker, version };
  }

  environment(changes: Readonly<Record<string, string>> = {}): Record<string, string> {
    return {
      CLOUDFLARE_ACCOUNT_ID: this.account.id,
      CLOUDFLARE_API_TOKEN: this.account.token,
      CLOUDFLARE_API_BASE_URL: this.cloudflare.url,
      HETZNER_TOKEN: CLOUD_TOKEN,
      PULUMI_CONFIG_PASSPHRASE: "a passphrase of the tests",
      PULUMI_BACKEND_URL: pathToFileURL(this.#backend).href,
      HETZNER_API_URL: this.cloud.url,
      PUBLIC_URL: this.cloudflare.runtime.url,
      ALLOW_LOCAL_REPOS: "true",
      ...changes,
    };
  }

  deploy({
    release = this.release,
    env,
    smokeTask,
    previewOnly = false,
    pause,
  }: Wanted = {}): Promise<Deployment | null> {
    const values = this.environment(env);
    const given = getGivenWorkerSettings(values);
    const options = {
      settings: readDeploymentSettings(values),
      given,
      release,
      previewOnly,
      smokeTask: smokeTask ?? null,
    };
    return runDeployment(options, { ...this.#makePorts(options.settings), ...(pause === undefined ? {} : { pause }) });
  }

  remove(wanted: { readonly confirmed: string | null; readonly deleteData: boolean }): Promise<void> {
    const values = this.environment();
    const given = getGivenWorkerSettings(values);
    const options = {
      settings: readDeploymentSettings(values),
      config: this.release.config,
      given,
      ...wanted,
    };
    return runRemoval(options, this.#makePorts(options.settings));
  }

  #makePorts(settings: DeploymentSettings): DeploymentPorts {
    const access = {
      accountId: settings.CLOUDFLARE_ACCOUNT_ID,
      token: settings.CLOUDFLARE_API_TOKEN,
      baseUrl: settings.CLOUDFLARE_API_BASE_URL,
    };
    return {
      api: connectToCloudflare(access),
      infrastructure: createPulumi(root, settings, this.#pulumiEnvironment),
      wrangler: createWrangler(access),
      print: (line) => this.printed.push(line),
      pause: (ms) => setTimeout(Math.min(ms, LONGEST_PAUSE_MS)),
    };
  }
}
