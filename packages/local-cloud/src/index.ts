/** A Hetzner-compatible cloud on one machine. */
export { type LocalCloud, type LocalCloudOptions, type LocalServer, startLocalCloud } from "./local-cloud.ts";
