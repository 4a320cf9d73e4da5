import { once } from "node:events";
import { expect, test } from "vitest";
import { startRawServer } from "./outside.testing.ts";
import { createSystemNetwork } from "./system-network.ts";

test("looks up all addresses of a name, connects to one, and knows the node's own", async () => {
  const system = createSystemNetwork();
  const lookups = await Promise.all([1, 2, 3, 4, 5].map(() => system.resolve("localhost")));
  for (const found of lookups) expect(found).toContain("127.0.0.1");
  await expect(system.resolve("no-such-name.invalid")).rejects.toThrow(/no-such-name/);
  const server = await startRawServer((socket) => socket.end());
  const socket = system.connect("127.0.0.1", server.port);
  await once(socket, "connect");
  expect(system.listOwnAddresses()).toContain("127.0.0.1");
  socket.destroy();
  await server.close();
});
