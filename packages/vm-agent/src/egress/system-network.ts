/** The node's network, as the egress proxy uses it. */
import { lookup } from "node:dns/promises";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import type { ConnectorPorts } from "./connector.ts";

/** Look-ups occupy threads that files and the host's own look-ups need too: Node has four. */
const MAX_LOOKUPS = 2;

/** A look-up may wait for others of the same session. */
export function createSystemNetwork(): Omit<ConnectorPorts, "log"> {
  let running = 0;
  const waiting: (() => void)[] = [];
  return {
    resolve: async (host) => {
      // Who ends passes the turn on.
      if (running < MAX_LOOKUPS) running += 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        // Many networks have no IPv6, and there each attempt takes its time.
        return (await lookup(host, { all: true, order: "ipv4first" })).map(({ address }) => address);
      } finally {
        const next = waiting.shift();
        if (next === undefined) running -= 1;
        else next();
      }
    },
    connect: (address, port) => connect({ host: address, port, allowHalfOpen: true, noDelay: true, keepAlive: true }),
    listOwnAddresses: () =>
      Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map((one) => one.address)),
  };
}
