/** The name of a node's server at the provider. */
import type { NodeId } from "@samovar/base";

/** A valid host name: the id without its prefix, because a host name may not contain an underscore. */
export const toServerName = (nodeId: NodeId): string => `samovar-${nodeId.slice("nod_".length)}`;
