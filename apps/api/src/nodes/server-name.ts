/** The name of a node's server at the provider. */
import type { NodeId } from "@samovar/base";

/** A host name: the id without its prefix, whose underscore a host name may not have. */
export const serverName = (nodeId: NodeId): string => `samovar-${nodeId.slice("nod_".length)}`;
