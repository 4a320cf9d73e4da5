/** Credentials: written, never read back. */
import * as z from "zod";
import { MAX_SECRET_VARIABLES, variables } from "./environment-name.ts";
import { credentialId, millis } from "./ids.ts";
import { PROVIDERS } from "./providers.ts";
import { slug } from "./slug.ts";

export const CREDENTIAL_KINDS = [...PROVIDERS, "anthropic", "openai", "google", "github"] as const;

/** `agent:<kind>` holds the secret variables of an agent that a person has defined. */
export type CredentialKind = (typeof CREDENTIAL_KINDS)[number] | `agent:${string}`;
export const credentialKind = z.union([z.enum(CREDENTIAL_KINDS), z.templateLiteral(["agent:", slug])], {
  error: `expected ${CREDENTIAL_KINDS.join(", ")}, or agent:<name>`,
});

const secret = z.string().trim().min(1).max(8192);
const baseUrl = z.url({ protocol: /^https?$/ });

const secretVariables = variables(secret, MAX_SECRET_VARIABLES).refine(
  (given) => Object.keys(given).length > 0,
  "give at least one variable",
);

/** The secrets of each kind. A model's credential is a key, a base URL that needs no key, or both. */
export const credentialSecret = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("hetzner"), token: secret }),
  z.object({ kind: z.literal("digitalocean"), token: secret }),
  z.object({
    kind: z.literal("anthropic"),
    apiKey: secret.optional(),
    oauthToken: secret.optional(),
    baseUrl: baseUrl.optional(),
  }),
  z.object({ kind: z.literal("openai"), apiKey: secret.optional(), baseUrl: baseUrl.optional() }),
  z.object({ kind: z.literal("google"), apiKey: secret.optional(), baseUrl: baseUrl.optional() }),
  /** A token that may push to the repositories and open pull requests. */
  z.object({ kind: z.literal("github"), token: secret }),
  z.object({ kind: z.literal("agent"), agent: slug, env: secretVariables }),
]);
export type CredentialSecret = z.infer<typeof credentialSecret>;

export const credentialView = z.object({
  id: credentialId,
  kind: credentialKind,
  /** The last four characters of the secret, the base URL's host, or the names of the variables. */
  hint: z.string(),
  createdAt: millis,
  lastUsedAt: millis.nullable(),
});
export type CredentialView = z.infer<typeof credentialView>;

/** The result of one cheap call to the credential's service (`POST /api/credentials/:kind/validate`). */
export const credentialCheck = z.object({
  /** Null when it could not be checked: the service is unreachable, or only a node can reach it. */
  ok: z.boolean().nullable(),
  /** For a person. */
  message: z.string(),
});
export type CredentialCheck = z.infer<typeof credentialCheck>;
