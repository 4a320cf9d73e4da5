/** The daemon's end of a session host's socket: JSON lines. The host sends its whole status again on each connection. */
import type { Logger } from "@samovar/base";
import type { HostCommand, HostFrame, HostStatus } from "@samovar/contracts";
import { hostFrame } from "@samovar/contracts";
import type { Socket } from "node:net";
import { createConnection } from "node:net";
import { join } from "node:path";

const MAX_LINE_CHARS = 1024 * 1024;

export interface HostListener {
  onStatus(status: HostStatus): void;
  /** The host has received a command of this type. */
  onAck(command: HostCommand["type"]): void;
  /** Called once, whichever side closed the connection. */
  onClosed(): void;
}

export interface HostConnection {
  send(command: HostCommand): void;
  close(): void;
}

/** Null when no process accepts the connection. */
export function connectToHost(
  directory: string,
  listener: HostListener,
  logger: Logger,
): Promise<HostConnection | null> {
  return new Promise((resolve) => {
    const socket = createConnection(join(directory, "host.sock"));
    const refused = () => resolve(null);
    socket.once("error", refused);
    socket.once("connect", () => {
      socket.off("error", refused);
      // "close" follows each error, and its handler does what is needed.
      socket.on("error", () => {});
      socket.on("close", () => listener.onClosed());
      readLines(socket, (line) => readFrame(line, listener, logger));
      resolve({
        send: (command) => void socket.write(`${JSON.stringify(command)}\n`),
        close: () => void socket.destroy(),
      });
    });
  });
}

function readLines(socket: Socket, onLine: (line: string) => void): void {
  let rest = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_LINE_CHARS) return void socket.destroy();
    for (const line of lines) onLine(line);
  });
}

function readFrame(line: string, listener: HostListener, logger: Logger): void {
  const frame = parse(line, logger);
  if (frame?.type === "status") listener.onStatus(frame.status);
  if (frame?.type === "ack") listener.onAck(frame.command);
}

function parse(line: string, logger: Logger): HostFrame | null {
  try {
    return hostFrame.parse(JSON.parse(line));
  } catch (error) {
    logger.warn("host.frame_rejected", { error });
    return null;
  }
}
