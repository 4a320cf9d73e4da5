/**
 * Every setting of the control plane, parsed once; all faults are told at once. Defaults are for the cloud;
 * one machine differs only in what `samovar up` sets. docs/reference/configuration.md is made from this.
 */
import { agentKind, agentRelease } from "@samovar/contracts";
import * as z from "zod";

const duration = (defaultMs: number, about: string) =>
  z.coerce
    .number()
    .int()
    .positive()
    .max(30 * 24 * 3_600_000)
    .default(defaultMs)
    .describe(about);
const count = (fallback: number, max: number, about: string) =>
  z.coerce.number().int().min(1).max(max).default(fallback).describe(about);
const json = <T extends z.ZodType>(inner: T, about: string) =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: "custom", message: "expected JSON" });
        return z.NEVER;
      }
    })
    .pipe(inner)
    .describe(about);

export const settings = z.object({
  INSTALLATION_ID: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{3,39}$/)
    .describe("Label that marks this installation's servers at the provider"),
  PUBLIC_URL: z
    .url({ protocol: /^https?$/ })
    .describe("The address at which browsers and nodes reach the control plane"),
  OPERATOR_SECRET: z.string().min(32).describe("Secret. Authorises the first set-up"),
  SIGNING_KEY: json(
    z.object({ kid: z.string(), kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string(), d: z.string() }),
    "Secret. Ed25519 private JWK that signs machine tokens",
  ),
  CREDENTIALS_KEY: z
    .string()
    .regex(/^[A-Za-z0-9+/]{43}=$/)
    .describe("Secret. 32 bytes in base64 that encrypt stored credentials"),
  AGENT_RELEASE: json(agentRelease, "The vm-agent release that nodes install"),
  HETZNER_API_URL: z.url().default("https://api.hetzner.cloud/v1").describe("The provider's API"),
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
  NODE_MAX_LIFETIME_MS: duration(14_400_000, "Age at which a node takes no more work"),
  NODE_HARD_LIFETIME_MS: duration(86_400_000, "Age at which a node is destroyed whatever it does"),
  NODE_BOOT_TIMEOUT_MS: duration(600_000, "Longest time from asking for a server to its vm-agent's first connection"),
  NODE_UNREACHABLE_TIMEOUT_MS: duration(300_000, "How long a node may be silent before what runs on it has failed"),
  NODE_SLOTS: count(3, 64, "Workspaces that share a node"),
  MAX_NODES_PER_USER: count(10, 200, "Nodes that one person may have at a time"),
  SWEEP_CRON: z.string().default("*/15 * * * *").describe("When the sweep runs"),
  SWEEP_GRACE_MS: duration(2_700_000, "Age below which the sweep leaves an unknown server alone"),
  WORKSPACE_READY_TIMEOUT_MS: duration(600_000, "Longest time for clone and set-up"),
  SETUP_TIMEOUT_MS: duration(900_000, "Longest time that a repository's `samovar.setup` may take"),
  TASK_QUEUE_TIMEOUT_MS: duration(86_400_000, "Longest time that a task waits in line, or for other tasks"),
  SESSION_START_TIMEOUT_MS: duration(
    300_000,
    "Longest time from the prompt to the agent's first sign; holds the agent's installation on first use",
  ),
  AGENT_IDLE_TIMEOUT_MS: duration(1_800_000, "Longest silence of an agent while no tool runs"),
  TASK_MAX_DURATION_MS: duration(14_400_000, "Longest time that an agent may work on a task"),
  DRAIN_TIMEOUT_MS: duration(60_000, "Longest wait for a node to hand over what it still holds"),
  KEPT_WORKSPACE_RETENTION_MS: duration(14_400_000, "How long a workspace is kept after a failure"),
  COMMIT_NAME: z.string().min(1).max(100).default("Samovar").describe("Author of commits that Samovar makes"),
  COMMIT_EMAIL: z
    .string()
    .min(3)
    .max(200)
    .default("samovar@localhost")
    .describe("Author's address of commits that Samovar makes"),
});
export type Config = z.infer<typeof settings>;

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
