/** A node's user data: typed input → `#cloud-config`, and back. Runs in a Worker: no `node:` imports. */
export * from "./image.ts";
export * from "./parse.ts";
export * from "./render.ts";
export * from "./unit.ts";
