/**
 * What `samovar up` runs: the control plane, the sweep's timer and, unless nodes are at a provider, the local cloud. Starts the
 * parts in the order of their dependencies and stops them in reverse.
 */
import { createHmac } from "node:crypto";
import { createWriteStream } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { errorMessage, jsonLogger, systemClock, systemRandom, systemTimers, type Logger } from "@samovar/base";
import { settings as settingsSchema } from "@samovar/api/config";
import { agentRelease, type CredentialSecret, type CredentialView } from "@samovar/contracts";
import { startLocalCloud, type LocalCloud } from "@samovar/local-cloud";
import { openCpuGroup } from "@samovar/processes";
import { Cron } from "croner";
import { root } from "../checkout-root.ts";
import type { SamovarClient } from "../client/samovar-client.ts";
import { createClient } from "../client/connect.ts";
import { CliError } from "../client/errors.ts";
import { readJson } from "../files.ts";
import { getSharedCacheDirectory, removeInstance, writeInstance } from "../instance.ts";
import { type ControlPlane, findFreePort, startControlPlane } from "./control-plane.ts";
import { type Deployment, getLocalUrl, LOCAL_DEPLOYMENT } from "./deployment.ts";
import { type DataDirectory, type Secrets, loadSecrets, openDataDirectory, writeSecrets } from "./data-directory.ts";
import { readProcessStart } from "./processes.ts";

export const DEFAULT_PORT = 7266;
const REVOKE_TIMEOUT_MS = 3_000;
const SYSTEM = { clock: systemClock, timers: systemTimers, random: systemRandom };

export interface StackOptions {
  readonly dataDir: string;
  /** 0 picks a free port; absent: the last start's port, or {@link DEFAULT_PORT}. */
  readonly port?: number | undefined;
  /** Absent: on this computer, with the local cloud. */
  readonly deployment?: Deployment;
  /** The environment from which settings, model credentials and the nodes' settings are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Stack {
  /** Where programs on this computer reach the control plane. */
  readonly url: string;
  /** Where browsers open the pages. */
  readonly pageUrl: string;
  readonly apiToken: string;
  readonly client: SamovarClient;
  /** Null when the nodes are at a provider. */
  readonly cloud: LocalCloud | null;
  /** Whether a credential is stored with which nodes can be made. */
  readonly hasProvider: boolean;
  /** Runs the sweep now. */
  sweep(): Promise<void>;
  /** Stops everything, including the local cloud's servers. */
  stop(): Promise<void>;
}

/** Resolves once Samovar answers and its instance file is written. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const directory = await openDataDirectory(options.dataDir);
  const undo: (() => Promise<void>)[] = [];
  const undoAll = async () => {
    await directory.lock.markStopping();
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step();
    await directory.lock.release();
  };
  let stopped: Promise<void> | null = null;
  const stop = () => (stopped ??= undoAll());
  try {
    return await assemble(directory, options, undo, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function assemble(
  directory: DataDirectory,
  options: StackOptions,
  undo: (() => Promise<void>)[],
  stop: () => Promise<void>,
): Promise<Stack> {
  const { env, deployment = LOCAL_DEPLOYMENT } = options;
  // Remove the file of a killed Samovar: until this one answers, commands see from the lock that it is starting.
  await removeInstance(directory.path);
  const { logger, close } = openFileLogger(directory);
  undo.push(close);
  const secrets = await loadSecrets(directory);
  const port = await choosePort(options.port, secrets);
  const cpuGroup = openCpuGroup("control-plane");
  cpuGroup.admit(process.pid);
  undo.push(async () => cpuGroup.remove());
  const cloud = deployment.cloud === "local" ? await startCloud(directory, secrets, env, logger) : null;
  if (cloud !== null) undo.push(() => cloud.close({ servers: "stop" }));
  const placement = { ...deployment, localUrl: getLocalUrl(deployment, port), cloudUrl: cloud?.url ?? null };
  const settings = { ...(await getFixedSettings(secrets, placement, env)), ...getGivenSettings(placement, env) };
  const controlPlane = await startControlPlane({
    directory,
    host: deployment.host,
    port,
    url: placement.localUrl,
    logger,
    settings,
  });
  undo.push(() => controlPlane.close());
  if (secrets.port !== port) await writeSecrets(directory.path, { ...secrets, port });
  const client = await signIn(controlPlane, secrets, (revoke) => undo.push(() => tryRevoke(revoke, logger)));
  const hasProvider = await prepareCredentials(client, secrets, deployment, env);
  await writeInstance(directory.path, {
    version: 1,
    pid: process.pid,
    start: await readProcessStart(process.pid),
    url: controlPlane.url,
    publicUrl: deployment.publicUrl,
    apiToken: client.token,
    startedAt: systemClock.now(),
  });
  undo.push(() => removeInstance(directory.path));
  const sweep = startSweep(controlPlane, env["SWEEP_CRON"], logger);
  undo.push(async () => sweep.stop());
  await sweep.now();
  const pageUrl = settings["PAGE_URL"] ?? settings["PUBLIC_URL"] ?? controlPlane.url;
  const { url } = controlPlane;
  return { url, pageUrl, apiToken: client.token, client, cloud, hasProvider, sweep: sweep.now, stop };
}

function startCloud(
  directory: DataDirectory,
  secrets: Secrets,
  env: StackOptions["env"],
  logger: Logger,
): Promise<LocalCloud> {
  return startLocalCloud({
    dataDir: directory.cloud,
    token: secrets.cloudToken,
    nodeBinary: process.execPath,
    bootDelayMs: parseBootDelay(env["SAMOVAR_BOOT_DELAY_MS"]),
    concurrentStarts: parseConcurrentStarts(env["SAMOVAR_CONCURRENT_STARTS"]),
    serviceEnv: {
      SAMOVAR_AGENTS_DIR: directory.agents,
      SAMOVAR_SNAPSHOTS_DIR: join(getSharedCacheDirectory(env), "snapshots"),
      ...getOwnVariables(env),
    },
    logger,
  });
}

/** Best effort, and not for long: the next start revokes what is left. */
async function tryRevoke(revoke: () => Promise<void>, logger: Logger): Promise<void> {
  try {
    await Promise.race([revoke(), setTimeout(REVOKE_TIMEOUT_MS, undefined, { ref: false })]);
  } catch (error) {
    logger.warn("token.not_revoked", { error: errorMessage(error) });
  }
}

/** How long the local cloud's servers take to boot, in milliseconds. */
function parseBootDelay(text = "0"): number {
  const delayMs = Number(text);
  if (Number.isInteger(delayMs) && delayMs >= 0 && delayMs <= 600_000) return delayMs;
  throw new CliError(`SAMOVAR_BOOT_DELAY_MS is ${text}.`, "Give whole milliseconds, from 0 to 600000.");
}

/**
 * How many processes of nodes may start at the same time on this machine: a start keeps a core busy, and the
 * control plane needs one too.
 */
function parseConcurrentStarts(text: string | undefined): number {
  if (text === undefined) return Math.max(2, availableParallelism());
  const starts = Number(text);
  if (Number.isInteger(starts) && starts >= 1 && starts <= 1_000) return starts;
  throw new CliError(`SAMOVAR_CONCURRENT_STARTS is ${text}.`, "Give a whole number, from 1 to 1000.");
}

async function choosePort(requested: number | undefined, secrets: Secrets): Promise<number> {
  if (requested === 0) return findFreePort();
  return requested ?? secrets.port ?? DEFAULT_PORT;
}

function openFileLogger(directory: DataDirectory): { logger: Logger; close: () => Promise<void> } {
  const stream = createWriteStream(join(directory.logs, "samovar.log"), { flags: "a", mode: 0o600 });
  return {
    logger: jsonLogger({ clock: systemClock, write: (line) => stream.write(`${line}\n`) }),
    close: () => new Promise((resolve) => stream.end(resolve)),
  };
}

/** Where the parts of this Samovar reach each other. */
interface Placement extends Deployment {
  readonly localUrl: string;
  /** The local cloud's API; null when the nodes are at a provider. */
  readonly cloudUrl: string | null;
}

/** Settings that follow from where it runs, and its secrets. */
async function getFixedSettings(
  secrets: Secrets,
  placement: Placement,
  env: StackOptions["env"],
): Promise<Record<string, string>> {
  const release = agentRelease.safeParse(await readJson(join(root, "dist/release.json")));
  if (!release.success) throw new CliError("Samovar is not built yet.", "Run: npm run build");
  return {
    ...getAddresses(secrets, placement),
    DEFAULT_AGENT: placement.publicUrl === null && readModelCredential(env) === null ? "script" : "claude",
    INSTALLATION_ID: secrets.installationId,
    OPERATOR_SECRET: secrets.operatorSecret,
    SIGNING_KEY: JSON.stringify(secrets.signingKey),
    ...(secrets.previousSigningKey === undefined
      ? {}
      : { PREVIOUS_SIGNING_KEY: JSON.stringify(secrets.previousSigningKey) }),
    ...(secrets.restoredAt === undefined ? {} : { RESTORED_AT: String(secrets.restoredAt) }),
    CREDENTIALS_KEY: secrets.credentialsKey,
    AGENT_RELEASE: JSON.stringify(release.data),
    // Here a batch costs nothing.
    MSG_BATCH_MIN_INTERVAL_MS: "50",
    // A path names a repository of the person at this computer, not of everybody who can reach it.
    ALLOW_LOCAL_REPOS: String(placement.publicUrl === null),
    // One thread does all of the control plane here.
    CONCURRENT_RUN_STARTS: "1",
  };
}

function getAddresses(
  secrets: Secrets,
  { publicUrl, localUrl, cloudUrl, cloud: name }: Placement,
): Record<string, string> {
  // The local cloud has Hetzner's API.
  const cloud: Record<string, string> =
    cloudUrl === null ? { CLOUD_PROVIDER: name } : { CLOUD_PROVIDER: "hetzner", HETZNER_API_URL: cloudUrl };
  if (publicUrl === null)
    return { ...cloud, PUBLIC_URL: localUrl, PAGE_URL: `http://${derivePageHost(secrets)}:${new URL(localUrl).port}` };
  // Nodes on this computer do not need the proxy.
  const nodes: Record<string, string> = cloudUrl === null ? {} : { NODES_URL: localUrl };
  return { ...cloud, ...nodes, PUBLIC_URL: publicUrl, LOCAL_URL: localUrl };
}

/**
 * A host name that only this user knows, the same at each start: a browser sends the sign-in cookie to every port of a host,
 * and agents run servers too. Browsers resolve names below `localhost` to this computer (RFC 6761, 6.3).
 */
function derivePageHost({ operatorSecret }: Secrets): string {
  const name = createHmac("sha256", operatorSecret).update("page host").digest("hex").slice(0, 20);
  return `samovar-${name}.localhost`;
}

const NOT_FROM_ENVIRONMENT = new Set([
  "INSTALLATION_ID",
  "PUBLIC_URL",
  "LOCAL_URL",
  "NODES_URL",
  "RESTORED_AT",
  "OPERATOR_SECRET",
  "SIGNING_KEY",
  "PREVIOUS_SIGNING_KEY",
  "CREDENTIALS_KEY",
  "AGENT_RELEASE",
  "CLOUD_PROVIDER",
]);

/** Nodes of this computer have one image, one place and no ssh. */
const FOR_PROVIDERS = new Set(["HETZNER_API_URL", "HETZNER_IMAGE", "HETZNER_LOCATION", "HETZNER_SSH_KEY"]);

/** Settings of the control plane from the environment, such as `NODE_WARM_TIMEOUT_MS`. */
function getGivenSettings({ cloudUrl }: Placement, env: StackOptions["env"]): Record<string, string> {
  const isGiven = (name: string) => !NOT_FROM_ENVIRONMENT.has(name) && (cloudUrl === null || !FOR_PROVIDERS.has(name));
  const names = Object.keys(settingsSchema.shape).filter(isGiven);
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** What nodes inherit from this machine: how to reach its network and its docker. Their settings come with their user data. */
const OF_THIS_MACHINE =
  /^(SAMOVAR_USERS_DIR|DOCKER_(HOST|CONTEXT|CONFIG)|https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|GIT_SSL_CAINFO|npm_config_(cache|registry))$/i;

function getOwnVariables(env: StackOptions["env"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) =>
      OF_THIS_MACHINE.test(name) && value !== undefined ? [[name, value]] : [],
    ),
  );
}

/** Reads the model's credential from the environment variables that Claude Code uses. */
export function readModelCredential(env: StackOptions["env"]): CredentialSecret | null {
  const apiKey = env["ANTHROPIC_API_KEY"] || undefined;
  const oauthToken = env["CLAUDE_CODE_OAUTH_TOKEN"] || undefined;
  const baseUrl = env["ANTHROPIC_BASE_URL"] || undefined;
  if (apiKey === undefined && oauthToken === undefined && baseUrl === undefined) return null;
  return { kind: "anthropic", apiKey, oauthToken, baseUrl };
}

/**
 * Creates the owner at the first start, and makes an API token that takes the place of those of earlier starts. `onToken` receives
 * what revokes the token; the next start does it where a kill prevents it.
 */
async function signIn(
  controlPlane: ControlPlane,
  secrets: Secrets,
  onToken: (revoke: () => Promise<void>) => void,
): Promise<SamovarClient> {
  const createClientFor = (token: string) => createClient({ url: controlPlane.url, token }, SYSTEM);
  const { apiToken, apiTokenId } = await createClientFor(secrets.operatorSecret).setup();
  const client = createClientFor(apiToken);
  onToken(() => client.revokeApiToken(apiTokenId));
  return client;
}

/**
 * Stores this computer's credentials. A provider's credential is the owner's own; that of the local cloud would open nothing at one.
 * Returns whether there is one for the nodes.
 */
async function prepareCredentials(
  client: SamovarClient,
  { cloudToken }: Secrets,
  { cloud }: Deployment,
  env: StackOptions["env"],
): Promise<boolean> {
  const model = readModelCredential(env);
  if (model !== null) await client.putCredential(model);
  if (cloud === "local") {
    await client.putCredential({ kind: "hetzner", token: cloudToken });
    return true;
  }
  const stored = await client.credentials();
  const isLocal = ({ kind, hint }: CredentialView) => kind === "hetzner" && hint !== "" && cloudToken.endsWith(hint);
  if (stored.some(isLocal)) await client.removeCredential("hetzner");
  return stored.some((each) => each.kind === cloud && !isLocal(each));
}

/**
 * On one machine the sweep runs every minute: workerd resumes a run that was cut off between two steps only when the
 * run is accessed, which the sweep does. In the cloud the platform resumes it.
 */
const EVERY_MINUTE = "* * * * *";

function startSweep(controlPlane: ControlPlane, cron = EVERY_MINUTE, logger: Logger) {
  const now = async () => {
    try {
      await controlPlane.tick(cron);
    } catch (error) {
      logger.error("sweep.failed", { error });
    }
  };
  const job = new Cron(cron, { protect: true }, now);
  return { now, stop: () => job.stop() };
}

/** One Ctrl-C may arrive more than once: from the terminal, and forwarded by the parent process. */
const SAME_KEY_PRESS_MS = 1_000;

/** Resolves at the first signal. A later signal exits at once. */
export function waitForStopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let requestedAt: number | null = null;
    const stop = () => {
      const now = systemClock.now();
      if (requestedAt === null) {
        requestedAt = now;
        resolve();
      } else if (now - requestedAt > SAME_KEY_PRESS_MS) process.exit(130);
    };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, stop);
  });
}
