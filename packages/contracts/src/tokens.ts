/** Claims of the nodes' JWTs (EdDSA). Algorithm, issuer, audience and type are pinned by the verifier. */
import * as z from "zod";
import { nodeId, projectId, sessionId, workspaceId } from "./ids.ts";

export const NODE_TOKEN = { typ: "node+jwt", audience: "node-link" } as const;
export const WORKSPACE_TOKEN = { typ: "workspace+jwt", audience: "workspace-callback" } as const;

export const nodeClaims = z.object({ node: nodeId, epoch: z.number().int().nonnegative() });
export type NodeClaims = z.infer<typeof nodeClaims>;

export const workspaceClaims = z.object({
  workspace: workspaceId,
  project: projectId,
  session: sessionId,
  node: nodeId,
  epoch: z.number().int().nonnegative(),
});
export type WorkspaceClaims = z.infer<typeof workspaceClaims>;
