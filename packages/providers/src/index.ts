/** Clouds that Samovar can get machines from. Runs in a Worker: no `node:` imports. */
export { createDigitalOceanProvider, type DigitalOceanOptions } from "./digitalocean/digitalocean.ts";
export { createHetznerProvider, type HetznerOptions } from "./hetzner/hetzner.ts";
export * from "./provider.ts";
export { type Removal, removeInstallation } from "./remove-installation.ts";
export type { HttpFetch } from "./transport.ts";
