/**
 * Every setting of the control plane, parsed once; all faults are told at once. Defaults are for the cloud;
 * one machine differs only in what `samovar up` sets. docs/reference/configuration.md is made from this.
 */
import { parseJson } from "@samovar/base";
import { agentKind, agentRelease, DEFAULT_TIME_LIMITS, LONGEST_LIMIT_MS, TIME_LIMITS } from "@samovar/contracts";
import type { TimeLimitName, TimeLimits } from "@samovar/contracts";
import * as z from "zod";

const duration = (defaultMs: number, about: string) =>
  z.coerce.number().int().positive().max(LONGEST_LIMIT_MS).default(defaultMs).describe(about);
/** One of the table that both sides share. */
const limit = (name: TimeLimitName) => {
  const { ms, side, about } = TIME_LIMITS[name];
  return duration(ms, side === "both" ? `${about}. A setting of the nodes too: give both the same` : about);
};
const count = (fallback: number, max: number, about: string) =>
  z.coerce.number().int().min(1).max(max).default(fallback).describe(about);
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

export const settings = z.object({
  INSTALLATION_ID: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{3,39}$/)
    .describe("Label that marks this installation's servers at the provider"),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .describe("The address at which browsers and nodes reach the control plane"),
  OPERATOR_SECRET: z.string().min(32).describe("Secret. Authorises the first set-up"),
  SIGNING_KEY: json(signingKey).describe("Secret. Ed25519 private JWK that signs machine tokens"),
  PREVIOUS_SIGNING_KEY: json(signingKey.omit({ d: true }))
    .optional()
    .describe("The public JWK of the signing key before this one; what it has signed holds until it expires"),
  CREDENTIALS_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/)
    .describe("Secret. 32 bytes in base64 that encrypt stored credentials"),
  AGENT_RELEASE: json(agentRelease).describe("The vm-agent release that nodes install"),
  HETZNER_API_URL: z.url().default("https://api.hetzner.cloud/v1").describe("The provider's API"),
  GITHUB_API_URL: z.url().default("https://api.github.com").describe("GitHub's API, for pull requests"),
  ALLOW_LOCAL_REPOS: z
    .stringbool()
    .default(false)
    .describe("Whether a repository may be a path on the node; for one machine only"),
  DEFAULT_AGENT: z
    .string()
    .pipe(agentKind)
    .default("claude")
    .describe("The agent of a task that names none, in a project that names none"),
  DEFAULT_VM_SIZE: z
    .enum(["small", "medium", "large"])
    .default("medium")
    .describe("The size of a task that names none, in a project that names none"),
  LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error"])
    .default("info")
    .describe("The least severe log line that is written"),
  NODE_WARM_TIMEOUT_MS: duration(1_800_000, "How long an idle node waits for the next task"),
  NODE_IDLE_GRACE_MS: duration(1_000, "How long a node without work stays active before it counts as warm"),
  NODE_DRAIN_AFTER_MS: limit("NODE_DRAIN_AFTER_MS"),
  NODE_MAX_LIFETIME_MS: limit("NODE_MAX_LIFETIME_MS"),
  NODE_BOOT_TIMEOUT_MS: limit("NODE_BOOT_TIMEOUT_MS"),
  NODE_UNREACHABLE_TIMEOUT_MS: limit("NODE_UNREACHABLE_TIMEOUT_MS"),
  NODE_SLOTS: count(3, 64, "Workspaces that share a node"),
  NODE_RETAINED_WORKSPACES: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000)
    .default(10)
    .describe("Kept workspaces of a node that take no place of a working one; each above it takes one"),
  MAX_NODES_PER_USER: count(10, 200, "Nodes that one person may have at a time"),
  NODE_TOKEN_TTL_MS: duration(86_400_000, "How long the tokens of nodes and workspaces hold; they are renewed before"),
  SWEEP_CRON: z.string().default("*/15 * * * *").describe("When the sweep runs"),
  SWEEP_GRACE_MS: limit("SWEEP_GRACE_MS"),
  CLONE_TIMEOUT_MS: limit("CLONE_TIMEOUT_MS"),
  WORKSPACE_READY_TIMEOUT_MS: limit("WORKSPACE_READY_TIMEOUT_MS"),
  SETUP_TIMEOUT_MS: limit("SETUP_TIMEOUT_MS"),
  TASK_QUEUE_TIMEOUT_MS: limit("TASK_QUEUE_TIMEOUT_MS"),
  AGENT_INSTALL_TIMEOUT_MS: limit("AGENT_INSTALL_TIMEOUT_MS"),
  SESSION_START_TIMEOUT_MS: limit("SESSION_START_TIMEOUT_MS"),
  AGENT_IDLE_TIMEOUT_MS: limit("AGENT_IDLE_TIMEOUT_MS"),
  TASK_MAX_DURATION_MS: limit("TASK_MAX_DURATION_MS"),
  SESSION_STOP_TIMEOUT_MS: limit("SESSION_STOP_TIMEOUT_MS"),
  FINISH_TIMEOUT_MS: limit("FINISH_TIMEOUT_MS"),
  DRAIN_TIMEOUT_MS: limit("DRAIN_TIMEOUT_MS"),
  WORKSPACE_RETENTION_MS: limit("WORKSPACE_RETENTION_MS"),
  COMMIT_NAME: z.string().min(1).max(100).default("Samovar").describe("Author of commits that Samovar makes"),
  COMMIT_EMAIL: z
    .string()
    .min(3)
    .max(200)
    .default("samovar@localhost")
    .describe("Author's address of commits that Samovar makes"),
});
export type Config = z.infer<typeof settings>;

/** Every limit of time, as it is set here; what is no setting here is as the table has it. */
export function timeLimits(config: Config): TimeLimits {
  const set = Object.entries(config).filter(([name]) => name in TIME_LIMITS);
  return { ...DEFAULT_TIME_LIMITS, ...Object.fromEntries(set) };
}

const parsed = new WeakMap<object, Config>();

/** Throws one error that names every wrong setting. */
export function configOf(env: object): Config {
  const known = parsed.get(env);
  if (known !== undefined) return known;
  const result = settings.safeParse(env);
  if (!result.success) {
    const faults = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new Error(`Settings are not usable:\n  ${faults.join("\n  ")}`);
  }
  parsed.set(env, result.data);
  return result.data;
}
