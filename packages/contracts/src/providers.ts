/** The clouds that Samovar can create nodes in. */
import * as z from "zod";

/** Clouds that nodes can be created in. A person's token for one is the credential of the same name. */
export const PROVIDERS = ["hetzner", "digitalocean"] as const;
export const providerName = z.enum(PROVIDERS);
export type ProviderName = z.infer<typeof providerName>;
