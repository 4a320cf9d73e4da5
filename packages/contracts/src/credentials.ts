/** Credentials: written, never read back. */
import * as z from "zod";
import { credentialId, millis } from "./ids.ts";

export const credentialKind = z.enum(["hetzner", "anthropic", "github"]);
export type CredentialKind = z.infer<typeof credentialKind>;

const secret = z.string().trim().min(1).max(8192);

/** What each kind is made of. `anthropic` needs an API key, an OAuth token, or a base address that asks for neither. */
export const credentialSecret = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("hetzner"), token: secret }),
  z.object({
    kind: z.literal("anthropic"),
    apiKey: secret.optional(),
    oauthToken: secret.optional(),
    baseUrl: z.url({ protocol: /^https?$/ }).optional(),
  }),
  z.object({ kind: z.literal("github"), token: secret }),
]);
export type CredentialSecret = z.infer<typeof credentialSecret>;

export const credentialView = z.object({
  id: credentialId,
  kind: credentialKind,
  /** The last four characters of the secret, or the base address's host. */
  hint: z.string(),
  createdAt: millis,
  lastUsedAt: millis.nullable(),
});
export type CredentialView = z.infer<typeof credentialView>;
