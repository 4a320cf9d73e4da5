/** Creates the network of one session, by where its programs run. */
import { dirname } from "node:path";
import type { HostContainer, HostSandbox } from "@samovar/contracts";
import { listenOnLoopback } from "../../listen.ts";
import { CONTAINER_NODE } from "../docker/container-arguments.ts";
import { openNamespace } from "./namespace.ts";
import { type NetworkPlace, WorkspaceNetwork, type WorkspaceNetworkPorts } from "./workspace-network.ts";

export interface NetworkBounds {
  readonly sandbox: Pick<HostSandbox, "program" | "nsenter" | "tmp"> | null;
  readonly container?: Pick<HostContainer, "tmp"> | null;
}

/** Null where programs share the node's network. */
export function createWorkspaceNetwork(
  { sandbox, container = null }: NetworkBounds,
  ports: Pick<WorkspaceNetworkPorts, "log" | "outside">,
): WorkspaceNetwork | null {
  if (container !== null)
    return new WorkspaceNetwork({
      ...ports,
      openPlace: () => Promise.resolve(openForwardedLoopback()),
      directory: dirname(container.tmp),
      node: CONTAINER_NODE,
    });
  if (sandbox === null) return null;
  return new WorkspaceNetwork({
    ...ports,
    openPlace: (listeners) => openNamespace(sandbox, listeners),
    directory: dirname(sandbox.tmp),
    node: process.execPath,
  });
}

/** Servers listen on the node's loopback; the container, which has a separate network, is given their ports and no others. */
function openForwardedLoopback(): NetworkPlace {
  const ports = new Set<number>();
  return {
    enter: [],
    ports,
    listen: async (server) => {
      const port = await listenOnLoopback(server);
      ports.add(port);
      server.once("close", () => ports.delete(port));
      return port;
    },
    close: () => ports.clear(),
  };
}
