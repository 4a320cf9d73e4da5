/** Where a server of the session host listens: on the node's loopback, or in a workspace's network. */
import { once } from "node:events";
import type { Server } from "node:net";

/** Makes the server listen on a free port of 127.0.0.1, as the workspace sees it, and resolves with the port. */
export type Listen = (server: Server) => Promise<number>;

/** On the node. */
export const listenOnLoopback: Listen = (server) => listenAt(server, { host: "127.0.0.1", port: 0 });

/** `where`: an address of the node, or a server whose listening handle is taken over. */
export async function listenAt(
  server: Server,
  where: Server | { readonly host: string; readonly port: number },
): Promise<number> {
  const listening = once(server, "listening");
  server.listen(where);
  await listening;
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
}
