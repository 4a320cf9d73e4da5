/** Clouds that Samovar can get machines from. Runs in a Worker: no `node:` imports. */
export { createHetznerProvider, type HetznerOptions } from "./hetzner/hetzner.ts";
export type { HttpFetch } from "./hetzner/transport.ts";
export * from "./provider.ts";
