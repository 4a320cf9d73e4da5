/** First boot: what user data gives a vm-agent, and how the vm-agent exchanges it for an identity. */
import * as z from "zod";
import { millis, nodeId } from "./ids.ts";

/** `/etc/samovar/agent.json`, written by cloud-init. Nothing in it is needed after the first boot. */
export const agentSettings = z.object({
  controlPlaneUrl: z.url({ protocol: /^https?$/ }).max(2_000),
  nodeId,
  /** Single use, 15 minutes. */
  bootstrapToken: z.string().min(20).max(200),
  /** Where the vm-agent keeps its files, workspaces and installed agents. */
  stateDir: z.string().startsWith("/").max(1_000),
});
export type AgentSettings = z.infer<typeof agentSettings>;

/** `POST /api/nodes/:nodeId/bootstrap` */
export const bootstrapRequest = z.object({
  token: z.string().min(20).max(200),
  /**
   * A random nonce that the vm-agent stores before it calls. The first claim binds the token;
   * the same claim may be repeated (its answer may have been lost), any other one is refused.
   */
  claim: z.string().regex(/^[0-9a-f]{32,64}$/),
  agentVersion: z.string().max(100),
});
export type BootstrapRequest = z.infer<typeof bootstrapRequest>;

export const bootstrapReply = z.object({
  nodeToken: z.string(),
  expiresAt: millis,
  epoch: z.number().int().nonnegative(),
});
export type BootstrapReply = z.infer<typeof bootstrapReply>;

/** The vm-agent's release that the control plane serves: one ESM file for Node 24. */
export const agentRelease = z.object({
  version: z.string().max(100),
  /** Path below the control plane's address. */
  path: z.string().startsWith("/").max(1_000),
  /** SHA-256 (hex) of the file. */
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});
export type AgentRelease = z.infer<typeof agentRelease>;
