/** What a person gives a deployment, from the environment: accounts, tokens, a domain, and the Worker's settings. */
import * as z from "zod";
import { settings as workerSettings } from "@samovar/api/config";
import { DeployError } from "./deploy-error.ts";

const given = (advice: string) => z.string({ error: advice }).min(1, advice);

const NO_CLOUD = {
  path: ["HETZNER_TOKEN"],
  message: "A token of a Hetzner Cloud project with Read & Write; or DIGITALOCEAN_TOKEN for nodes at DigitalOcean.",
};

const deploymentSettings = z.object({
  CLOUDFLARE_ACCOUNT_ID: given("The account's id, from the overview of Workers in Cloudflare's dashboard.").regex(
    /^[0-9a-f]{32}$/,
    "Expected 32 hexadecimal digits, as the dashboard shows them.",
  ),
  CLOUDFLARE_API_TOKEN: given("A token with the permissions that docs/self-hosting.md lists."),
  CLOUDFLARE_API_BASE_URL: z.url().default("https://api.cloudflare.com/client/v4"),
  /** Of the clouds for nodes; one at least. */
  HETZNER_TOKEN: z.string().min(1).nullable().default(null),
  DIGITALOCEAN_TOKEN: z.string().min(1).nullable().default(null),
  PULUMI_CONFIG_PASSPHRASE: given(
    "A long passphrase that encrypts the stack's secrets. Keep it: nothing can replace it.",
  ),
  /** Where Pulumi keeps its state; null: in a directory of this user. */
  PULUMI_BACKEND_URL: z.string().min(1).nullable().default(null),
  PULUMI_STACK: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .default("samovar"),
  /** A host name in a zone of the account; null: the Worker's name below workers.dev. */
  SAMOVAR_DOMAIN: z
    .string()
    .regex(/^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/, "Expected a host name in lower case.")
    .nullable()
    .default(null),
  /** The account's name below workers.dev, if it has none yet. */
  SAMOVAR_WORKERS_SUBDOMAIN: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
    .nullable()
    .default(null),
  DATABASE_LOCATION: z.enum(["weur", "eeur", "wnam", "enam", "apac", "oc"]).default("weur"),
});
export type DeploymentSettings = z.infer<typeof deploymentSettings>;

export type Environment = Readonly<Record<string, string | undefined>>;

/** Settings that a deployment computes, so that the environment cannot give them. */
const COMPUTED = new Set(["INSTALLATION_ID", "OPERATOR_SECRET", "SIGNING_KEY", "CREDENTIALS_KEY", "AGENT_RELEASE"]);

/** Throws {@link DeployError} that names every missing or invalid variable. */
export function readDeploymentSettings(env: Environment): DeploymentSettings {
  const present = withoutEmpty(env);
  const result = deploymentSettings.safeParse(present);
  const hasCloud = "HETZNER_TOKEN" in present || "DIGITALOCEAN_TOKEN" in present;
  if (result.success && hasCloud) return result.data;
  throw refuseSettings([...(result.error?.issues ?? []), ...(hasCloud ? [] : [NO_CLOUD])]);
}

/**
 * The Worker's settings that the environment gives, such as `NODE_WARM_TIMEOUT_MS`. Throws {@link DeployError} that names every
 * one that the Worker would refuse.
 */
export function getGivenWorkerSettings(env: Environment): Readonly<Record<string, string>> {
  const present = withoutEmpty(env);
  const names = Object.keys(workerSettings.shape).filter((name) => !COMPUTED.has(name));
  const given = Object.fromEntries(
    names.flatMap((name) => (present[name] === undefined ? [] : [[name, present[name]] as const])),
  );
  const issues = Object.entries(workerSettings.shape).flatMap(([name, field]) =>
    name in given ? (field.safeParse(given[name]).error?.issues ?? []).map((each) => ({ ...each, path: [name] })) : [],
  );
  if (issues.length > 0) throw refuseSettings(issues);
  return given;
}

function refuseSettings(issues: readonly Pick<z.core.$ZodIssue, "path" | "message">[]): DeployError {
  const faults = issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  return new DeployError(
    `Settings are missing or invalid:\n${faults.join("\n")}`,
    "Set them in the environment or in the file deploy.env; docs/self-hosting.md says where each one is found. Nothing was changed.",
  );
}

function withoutEmpty(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined || value === "" ? [] : [[name, value]])),
  );
}
