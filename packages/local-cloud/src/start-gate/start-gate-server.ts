/**
 * The start gate: a unix socket at which the processes of all servers ask for a permit to start another process. A
 * connection is a place in the queue, then the permit; the kernel closes it when its process dies. What a connection can
 * do is bounded: there are few, and each may say its process id and nothing more.
 */
import { rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { Logger } from "@samovar/base";
import type { StartPermits } from "./start-permits.ts";

export interface StartGateServer {
  close(): Promise<void>;
}

/** Further ones are closed at once, and their starts go ahead. */
const MAX_CONNECTIONS = 512;
const FIRST_LINE_MAX_CHARS = 12;
const FIRST_LINE_TIMEOUT_MS = 10_000;

/** Null when the socket cannot be made: then all starts go ahead. */
export async function serveStartGate(
  path: string,
  permits: StartPermits,
  logger: Logger,
): Promise<StartGateServer | null> {
  // Of a cloud that was killed. Only one uses the directory.
  rmSync(path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    admit(socket, permits);
  });
  server.maxConnections = MAX_CONNECTIONS;
  if (!(await listens(server, path, logger))) return null;
  server.unref();
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function listens(server: Server, path: string, logger: Logger): Promise<boolean> {
  return new Promise((resolve) => {
    server.on("error", (error) => {
      logger.warn("start_gate.failed", { error });
      resolve(false);
    });
    server.listen(path, () => resolve(true));
  });
}

function admit(socket: Socket, permits: StartPermits): void {
  let line = "";
  let giveBack: (() => void) | null = null;
  socket.setTimeout(FIRST_LINE_TIMEOUT_MS, () => socket.destroy());
  socket.setEncoding("latin1").on("data", (text: string) => {
    line += text;
    if (giveBack !== null || line.length > FIRST_LINE_MAX_CHARS) return void socket.destroy();
    if (!line.includes("\n")) return;
    const pid = pidOf(line);
    if (pid === null) return void socket.destroy();
    socket.setTimeout(0);
    giveBack = permits.request(pid, () => socket.write("go\n"));
  });
  socket.on("error", () => {
    // The close event is enough.
  });
  socket.once("close", () => giveBack?.());
}

function pidOf(line: string): number | null {
  return /^[1-9]\d*\n$/.test(line) ? Number(line) : null;
}
