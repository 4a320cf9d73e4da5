/**
 * The settings of the control plane, parsed once; an error names all faults. The defaults are for the cloud; on one computer
 * `samovar up` sets the rest. docs/reference/configuration.md is generated from this.
 */
import { parseJson } from "@samovar/base";
import {
  agentKind,
  agentRelease,
  checkNodeEnvironment,
  DEFAULT_TIME_LIMITS,
  LONGEST_LIMIT_MS,
  nodeEnvironment,
  providerName,
  TIME_LIMITS,
} from "@samovar/contracts";
import type { TimeLimitName, TimeLimits } from "@samovar/contracts";
import * as z from "zod";

const duration = (defaultMs: number, about: string) =>
  z.coerce.number().int().positive().max(LONGEST_LIMIT_MS).default(defaultMs).describe(about);
/** A time limit of the control plane alone; those of nodes are in {@link nodeEnvironment}. */
const limit = (name: TimeLimitName) => {
  const { ms, about } = TIME_LIMITS[name];
  return duration(ms, about);
};
const count = (fallback: number, max: number, about: string) =>
  z.coerce.number().int().min(1).max(max).default(fallback).describe(about);
/** Of a provider; separated by commas. */
const places = (about: string) =>
  z
    .string()
    .regex(/^[a-z0-9-]+(,[a-z0-9-]+)*$/, "expected names separated by commas, such as fsn1,nbg1")
    .transform((text): readonly string[] => text.split(","))
    .optional()
    .describe(about);
const sshKey = (about: string) => z.string().min(1).max(255).optional().describe(about);
const json = <T extends z.ZodType>(inner: T) =>
  z
    .string()
    .transform((text, context): unknown => {
      const value = parseJson(text);
      if (value === undefined) context.addIssue({ code: "custom", message: "expected JSON" });
      return value;
    })
    .pipe(inner);

const signingKey = z.object({
  kid: z.string(),
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  d: z.string(),
});

const controlPlaneSettings = z.object({
  INSTALLATION_ID: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{3,39}$/)
    .describe("Label that marks this installation's servers at the provider"),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }).describe("Address at which browsers and nodes reach the control plane"),
  PAGE_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe(
      "Address at which browsers open the pages, if it is not PUBLIC_URL; the sign-in cookie counts only there",
    ),
  LOCAL_URL: z
    .url({ protocol: /^http$/ })
    .optional()
    .describe(
      "Address at which programs on the control plane's own computer reach it, if it is not PUBLIC_URL. Set when the control plane runs on a server of its own instead of on Cloudflare",
    ),
  NODES_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("Address at which nodes reach the control plane, if it is not PUBLIC_URL"),
  TRUSTED_PROXIES: z.coerce
    .number()
    .int()
    .min(0)
    .max(10)
    .default(0)
    .describe(
      "Proxies between callers and a server of its own: so many entries at the end of X-Forwarded-For are believed. 0: the header is never read",
    ),
  RESTORED_AT: z.coerce
    .number()
    .int()
    .nonnegative()
    .optional()
    .describe(
      "When this installation was restored from a backup, in Unix milliseconds. Earlier nodes are not its own, and runs that were in flight end",
    ),
  FORMER_PUBLIC_URLS: z
    .string()
    .default("")
    .transform((text) => text.split(/[\s,]+/).filter((url) => url !== ""))
    .pipe(z.array(z.url({ protocol: /^https?$/ })).max(10))
    .describe(
      "Earlier values of PUBLIC_URL, separated by commas; nodes that were created with them still connect there",
    ),
  OPERATOR_SECRET: z.string().min(32).describe("Secret. Authorises the initial setup"),
  SIGNING_KEY: json(signingKey).describe("Secret. Ed25519 private JWK that signs node and workspace tokens"),
  PREVIOUS_SIGNING_KEY: json(signingKey.omit({ d: true }))
    .optional()
    .describe("Public JWK of the previous signing key; its tokens stay valid until they expire"),
  CREDENTIALS_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/)
    .describe("Secret. 32 bytes in base64 that encrypt stored credentials"),
  AGENT_RELEASE: json(agentRelease).describe("vm-agent release that nodes install"),
  CLOUD_PROVIDER: providerName
    .optional()
    .describe(
      "Where new nodes are created: `hetzner` or `digitalocean`; without it where their owner has a credential, Hetzner first",
    ),
  HETZNER_API_URL: z.url().default("https://api.hetzner.cloud/v1").describe("Base address of Hetzner's API"),
  HETZNER_IMAGE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._/=-]{0,127}$/)
    .default("debian-12")
    .describe(
      "Image of new nodes: a name, the id of a snapshot, or a label such as `image=samovar` for the newest snapshot that has it",
    ),
  HETZNER_LOCATION: places(
    "Locations in which nodes may be created, separated by commas, such as `fsn1,nbg1`; without it any",
  ),
  HETZNER_SSH_KEY: sshKey(
    "Name or id of an ssh key of the Hetzner project that may enter nodes; without it Hetzner mails a root password for each",
  ),
  DIGITALOCEAN_API_URL: z
    .url()
    .default("https://api.digitalocean.com/v2")
    .describe("Base address of DigitalOcean's API"),
  DIGITALOCEAN_IMAGE: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
    .default("debian-12-x64")
    .describe("Image of new nodes: the slug of a public image, or the id of a snapshot"),
  DIGITALOCEAN_REGION: places(
    "Regions in which nodes may be created, separated by commas, such as `fra1,ams3`; without it any",
  ),
  DIGITALOCEAN_SSH_KEY: sshKey(
    "Name, id or fingerprint of an ssh key of the account that may enter nodes; without it a password is mailed for each",
  ),
  GITHUB_API_URL: z.url().default("https://api.github.com").describe("Base address of GitHub's API, for pull requests"),
  ALLOW_LOCAL_REPOS: z
    .stringbool()
    .default(false)
    .describe("Whether a repository may be a path on the node; only for use on one computer"),
  DEFAULT_AGENT: z
    .string()
    .pipe(agentKind)
    .default("claude")
    .describe("Agent of a task if neither the task nor its project names one"),
  DEFAULT_VM_SIZE: z
    .enum(["small", "medium", "large"])
    .default("medium")
    .describe("Node size of a task if neither the task nor its project names one"),
  NODE_WARM_TIMEOUT_MS: duration(1_800_000, "How long a warm node waits for the next task"),
  NODE_IDLE_GRACE_MS: duration(1_000, "How long an idle node stays active before it becomes warm"),
  CONCURRENT_RUN_STARTS: count(10, 1_000, "Runs that one isolate of the control plane starts at once"),
  NODE_DRAIN_AFTER_MS: limit("NODE_DRAIN_AFTER_MS"),
  NODE_MAX_LIFETIME_MS: limit("NODE_MAX_LIFETIME_MS"),
  NODE_BOOT_TIMEOUT_MS: limit("NODE_BOOT_TIMEOUT_MS"),
  NODE_UNREACHABLE_TIMEOUT_MS: limit("NODE_UNREACHABLE_TIMEOUT_MS"),
  NODE_SLOTS: count(3, 64, "Workspaces that may work on a node at once"),
  NODE_RETAINED_WORKSPACES: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000)
    .default(10)
    .describe("Retained workspaces per node that don't use a slot; each further one uses a slot"),
  MAX_NODES_PER_USER: count(10, 200, "Nodes that one person may have at once"),
  WRONG_SECRETS_PER_MINUTE: count(30, 1_000_000, "Wrong links, tokens and secrets a minute from one address"),
  SETUPS_PER_MINUTE: count(20, 1_000_000, "Set-ups with the operator's secret a minute; each makes an API token"),
  DEVICE_LOGINS_PER_MINUTE: count(10, 1_000_000, "Command lines that ask to sign in, a minute and address"),
  CHANGES_PER_MINUTE: count(3_000, 1_000_000, "Requests that change something, a minute and person"),
  NODE_REQUESTS_PER_MINUTE: count(6_000, 1_000_000, "Requests a minute from one node, or for one of its workspaces"),
  NODE_TOKEN_TTL_MS: duration(86_400_000, "TTL of node and workspace tokens; they are renewed earlier"),
  LATE_DELIVERY_GRACE_MS: limit("LATE_DELIVERY_GRACE_MS"),
  AUDIT_LOG_RETENTION_DAYS: count(365, 3_650, "Days for which entries of the audit log are kept"),
  SWEEP_CRON: z.string().default("*/15 * * * *").describe("When the sweep runs"),
  SWEEP_GRACE_MS: limit("SWEEP_GRACE_MS"),
  WORKSPACE_READY_TIMEOUT_MS: limit("WORKSPACE_READY_TIMEOUT_MS"),
  SETUP_TIMEOUT_MS: limit("SETUP_TIMEOUT_MS"),
  TASK_QUEUE_TIMEOUT_MS: limit("TASK_QUEUE_TIMEOUT_MS"),
  SESSION_START_TIMEOUT_MS: limit("SESSION_START_TIMEOUT_MS"),
  AGENT_IDLE_TIMEOUT_MS: limit("AGENT_IDLE_TIMEOUT_MS"),
  TASK_MAX_DURATION_MS: limit("TASK_MAX_DURATION_MS"),
  SESSION_STOP_TIMEOUT_MS: limit("SESSION_STOP_TIMEOUT_MS"),
  WORKSPACE_RETENTION_MS: limit("WORKSPACE_RETENTION_MS"),
  COMMIT_NAME: z.string().min(1).max(100).default("Samovar").describe("Author name of Samovar's commits"),
  COMMIT_EMAIL: z.string().min(3).max(200).default("samovar@localhost").describe("Author email of Samovar's commits"),
});

/** Those of nodes are here too: a new node gets them in its user data. */
export const settings = controlPlaneSettings.extend(nodeEnvironment.shape).superRefine((config, context) => {
  checkNodeEnvironment(config, (name, message) => context.addIssue({ code: "custom", path: [name], message }));
});
export type Config = z.infer<typeof settings>;

/** All time limits: this control plane's settings, and the table's defaults for the rest. */
export function getTimeLimits(config: Config): TimeLimits {
  const set = Object.entries(config).filter(([name]) => name in TIME_LIMITS);
  return { ...DEFAULT_TIME_LIMITS, ...Object.fromEntries(set) };
}

const parsed = new WeakMap<object, Config>();

/** Throws an error that names every invalid setting. */
export function getConfig(env: object): Config {
  const known = parsed.get(env);
  if (known !== undefined) return known;
  const result = settings.safeParse(env);
  if (!result.success) {
    const faults = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`Invalid settings:\n  ${faults.join("\n  ")}`);
  }
  parsed.set(env, result.data);
  return result.data;
}
