/** Gets the stub of a node's object. */
import type { NodeId } from "@samovar/base";
import type { Env } from "../../env.ts";

export const getNodeObject = (env: Env, nodeId: NodeId) =>
  env.NODE_LIFECYCLE.get(env.NODE_LIFECYCLE.idFromName(nodeId));
